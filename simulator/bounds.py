"""What the best could do in a shop whose truth is known: no model ranks better, no policy is worth more."""

from dataclasses import dataclass

import numpy as np

from simulator.actions import ACTIONS, NOTHING
from simulator.columns import Floats
from simulator.truth import Truth

BUDGETS = (0.0, 0.05, 0.1, 0.2, 0.3, 0.5, 0.75, 1.0)
"""Shares of the moments at which a visitor may be interrupted."""


@dataclass(frozen=True)
class Worth:
    """Dollars: what a conversion brings in, and what a visitor who never comes back would have."""

    conversion: float = 12.0
    visitor: float = 1.5

    def of(self, truth: Truth) -> Floats:
        """The expected worth of each action at each moment; doing nothing loses nobody."""
        cost = np.array([action.cost for action in ACTIONS])
        lost = truth.is_lost - truth.is_lost[:, [NOTHING]]
        return truth.converts * (self.conversion - cost) - lost * self.visitor


def roc_auc(probability: Floats) -> float:
    """ROC-AUC of ranking by the true probabilities: P(a converting one ranks above one that does not), ties halved."""
    order = np.argsort(probability)
    p = probability[order]
    values, first = np.unique(p, return_index=True)
    converting, other = np.add.reduceat(p, first), np.add.reduceat(1 - p, first)
    below = np.cumsum(other) - other
    pairs = p.sum() * (1 - p).sum()
    return float((converting * (below + other / 2)).sum() / pairs) if len(values) else float("nan")


def average_precision(probability: Floats) -> float:
    """Average precision to be expected of ranking by the true probabilities.

    The expectation of sum(y_k * (y_1 + ... + y_k) / k) / sum(y) over independent labels, numerator by denominator.
    """
    p = np.sort(probability)[::-1]
    before = np.cumsum(p) - p
    return float((p * (1 + before) / np.arange(1, len(p) + 1)).sum() / p.sum())


def drawn(probability: Floats, repetitions: int, seed: int = 0) -> tuple[float, float]:
    """ROC-AUC and average precision by another route: over all labels of many draws."""
    rng = np.random.default_rng(seed)
    p = np.sort(probability)[::-1]
    place = np.arange(1, len(p) + 1)
    ordered, pairs, precision, positives = 0.0, 0.0, 0.0, 0
    for _ in range(repetitions):
        is_one = rng.random(len(p)) < p
        hits = np.cumsum(is_one)[is_one]
        zeros = len(p) - len(hits)
        ordered += float((zeros - (place[is_one] - hits)).sum())
        pairs += float(len(hits) * zeros)
        precision += float((hits / place[is_one]).sum())
        positives += len(hits)
    return ordered / pairs, precision / positives


def value(values: Floats, probabilities: Floats) -> float:
    """The true mean value, a moment, of a policy that takes actions with `probabilities`, a row for each moment."""
    return float((values * probabilities).sum(axis=1).mean())


def best_value(values: Floats, budget: float) -> float:
    """The most that any policy can be worth, a moment, if it interrupts at no more than a share `budget` of them."""
    gain = np.maximum(values.max(axis=1) - values[:, NOTHING], 0.0)
    most = np.sort(gain)[::-1][: int(budget * len(gain))]
    return float(values[:, NOTHING].mean() + most.sum() / len(gain))
