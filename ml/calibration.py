"""From out-of-fold scores to probabilities and to a threshold; pure functions of vectors."""

import numpy as np
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression

from ml.bundle import Calibration

# next to no regularisation, yet finite where the classes separate
_PLATT_C = 1e4


def calibrate(
    margin: NDArray[np.float64],
    target: NDArray[np.bool_],
    impression_budget: float,
    current: NDArray[np.bool_] | None = None,
) -> tuple[Calibration, float]:
    """The probabilities that margins mean, and the threshold for a budget of rows shown.

    Rows that are not `current` only tell how much a margin tells; None: all are.
    """
    current = np.ones(len(target), dtype=np.bool_) if current is None else current
    calibration = fit_platt(margin, target, current)
    return calibration, pick_threshold(calibration.probability(margin[current]), target[current], impression_budget)


def fit_platt(margin: NDArray[np.float64], target: NDArray[np.bool_], current: NDArray[np.bool_]) -> Calibration:
    """Platt scaling of margins of rows that the model had not seen.

    The `current` rows tell how often positives are, and all rows how much a margin tells. Where a higher margin went
    with fewer positives, the margin tells nothing: all get the share of positives.
    """
    platt = LogisticRegression(C=_PLATT_C).fit(np.column_stack([margin, ~current]), target)
    slope = float(platt.coef_[0, 0])
    if slope <= 0.0:
        share = float(target[current].mean())
        return Calibration(slope=0.0, intercept=float(np.log(share / (1 - share))))
    return Calibration(slope=slope, intercept=float(platt.intercept_[0]))


def pick_threshold(score: NDArray[np.float64], target: NDArray[np.bool_], impression_budget: float) -> float:
    """The highest threshold that keeps as many positives as the budget of rows shown can keep.

    Recall alone is maximised by showing always, so the budget comes first. Where not even the best-scored
    rows fit into it, nobody is shown.

    Raises:
        ValueError: `impression_budget` is no share.
    """
    if not 0.0 < impression_budget <= 1.0:
        raise ValueError(f"impression_budget is {impression_budget}; a share above 0, at most 1, is needed.")
    thresholds, rows = np.unique(score, return_counts=True)
    shown_share = rows[::-1].cumsum()[::-1] / len(score)
    affordable = thresholds[shown_share <= impression_budget]
    if not len(affordable):
        return min(float(np.nextafter(thresholds[-1], 1.0)), 1.0)
    kept = score[target & (score >= affordable[0])]
    return float(kept.min() if len(kept) else affordable[-1])
