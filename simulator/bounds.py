"""What the best could do in a shop whose truth is known: no model ranks better, no policy is worth more."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from simulator.actions import ACTIONS, NOTHING
from simulator.columns import Flags, Floats
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
    _, first = np.unique(p, return_index=True)
    converting, other = np.add.reduceat(p, first), np.add.reduceat(1 - p, first)
    below = np.cumsum(other) - other
    pairs = p.sum() * (1 - p).sum()
    return _ratio((converting * (below + other / 2)).sum(), pairs)


def average_precision(probability: Floats) -> float:
    """Average precision to be expected of ranking by the true probabilities.

    The expectation of sum(y_k * (y_1 + ... + y_k) / k) / sum(y) over independent labels, numerator by denominator.
    """
    p = np.sort(probability)[::-1]
    before = np.cumsum(p) - p
    return _ratio((p * (1 + before) / np.arange(1, len(p) + 1)).sum(), p.sum())


def drawn(probability: Floats, repetitions: int, seed: int = 0) -> tuple[float, float]:
    """ROC-AUC and average precision by another route: over all labels of many draws; NaN if none is positive."""
    draws = list(_draws(probability, repetitions, seed))
    ordered, pairs, precision, positives = (sum(counts) for counts in zip(*draws, strict=True))
    return _ratio(ordered, pairs), _ratio(precision, positives)


def auc_range(probability: Floats, repetitions: int, seed: int = 0, share: float = 0.95) -> tuple[float, float]:
    """Between which ROC-AUCs of the true ranking that share of draws falls; NaN if none has labels of both kinds."""
    aucs = [draw.ordered / draw.pairs for draw in _draws(probability, repetitions, seed) if draw.pairs]
    low, high = np.quantile(aucs or [np.nan], [(1 - share) / 2, (1 + share) / 2])
    return float(low), float(high)


class _Draw(NamedTuple):
    """Labels drawn by the true probabilities: what ranking by these gets right of how much."""

    ordered: float
    pairs: float
    precision: float
    positives: float


def _draws(probability: Floats, repetitions: int, seed: int) -> Iterator[_Draw]:
    rng = np.random.default_rng(seed)
    p = np.sort(probability)[::-1]
    place = np.arange(1, len(p) + 1)
    for _ in range(repetitions):
        is_one = rng.random(len(p)) < p
        hits = np.cumsum(is_one)[is_one]
        zeros = len(p) - len(hits)
        ordered, precision = (zeros - (place[is_one] - hits)).sum(), (hits / place[is_one]).sum()
        yield _Draw(float(ordered), float(len(hits) * zeros), float(precision), float(len(hits)))


def value(values: Floats, probabilities: Floats) -> float:
    """The true mean value, a moment, of a policy that takes actions with `probabilities`, a row for each moment.

    It is worth that once, at moments to which the policy in force led; followed, it would have led to others.
    """
    return mean((values * probabilities).sum(axis=1))


def best_value(values: Floats, budget: float) -> float:
    """The most that any policy can be worth, a moment, if it interrupts at no more than a share `budget` of them.

    A policy may be random: what is left of the budget after whole moments goes to the next best one.
    """
    gain = np.maximum(values.max(axis=1) - values[:, NOTHING], 0.0)
    most = np.cumsum(np.append(0.0, np.sort(gain)[::-1]))
    total = values[:, NOTHING].sum() + np.interp(budget * len(gain), np.arange(len(most)), most)
    return _ratio(total, len(gain))


def mean(figures: Floats | Flags) -> float:
    """The mean; that of nothing is NaN."""
    return _ratio(figures.sum(), len(figures))


def _ratio(part: float, whole: float) -> float:
    return float(part / whole) if whole else float("nan")
