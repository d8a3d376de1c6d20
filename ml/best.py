"""How near scores come to the best there could be, where that is known: shares of its figures, with 95 % intervals."""

import numpy as np
from numpy.typing import NDArray
from sklearn import config_context

from ml.evaluation import Outcomes, Scores, figures_of
from ml.intervals import RESAMPLES, Interval, interval_of, resampled

COMPARED = ("roc_auc", "average_precision", "recall", "lift_top_decile")
"""Figures of which more is better, and which are worth comparing with the best there could be."""


def shares_of_best(
    outcomes: Outcomes, best: Scores, threshold: float, seed: int = 7, resamples: int = RESAMPLES
) -> dict[str, Interval]:
    """Each of COMPARED as a share of what the `best` scores have on the same rows, where they show as many of them."""

    def shares(rows: NDArray[np.intp]) -> list[float]:
        target, score = outcomes.target[rows], outcomes.score[rows]
        shown = int((score >= threshold).sum())
        as_many = np.partition(best[rows], -shown)[-shown] if shown else np.inf
        reached, optimum = figures_of(target, score, threshold), figures_of(target, best[rows], as_many)
        # without a positive row, or where nobody is shown anything, neither finds any
        return [reached[name] / optimum[name] if optimum[name] else float("nan") for name in COMPARED]

    with config_context(assume_finite=True, skip_parameter_validation=True):
        drawn = np.array([shares(rows) for rows in resampled(outcomes.groups, seed, resamples)])
        values = shares(np.arange(len(best)))
    return {name: interval_of(*both) for name, *both in zip(COMPARED, values, drawn.T, strict=True)}
