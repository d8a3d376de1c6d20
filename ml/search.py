"""The search for a spec's best setting: cross-validation that never tells one user's rows apart, by scikit-learn."""

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.callback import CallbackContext
from sklearn.model_selection import GridSearchCV, ParameterGrid, StratifiedKFold

from ml import families
from ml.calibration import pick_threshold
from ml.encoding import Matrix
from ml.specs import Candidate, Family, Metric, ModelSpec, StageSpec

log = logging.getLogger(__name__)

Folds = list[tuple[NDArray[np.intp], NDArray[np.intp]]]
Target = NDArray[np.bool_]
Codes = NDArray[np.intp]

TIE_BREAKER: Metric = "roc_auc"
"""What decides between settings that are equally good: of few positives, many settings keep all within a budget."""


@dataclass(frozen=True)
class Rows:
    """What is learnt from: the encoded rows, their answers, the folds that they are compared on, and whose they are."""

    matrix: Matrix
    target: Target
    folds: Folds
    users: NDArray[np.intp] | None = None

    def told(self, family: Family) -> dict[str, NDArray[np.intp]]:
        """What `fit` of a family is told beside rows and answers: XGBoost holds out whole users as it stops early."""
        return {} if self.users is None or family != "xgboost" else {"users": self.users}


@dataclass(frozen=True)
class Trial:
    """A setting that was tried, with the mean and the spread of its spec's metric over the folds.

    `tie_breaker` is the mean of TIE_BREAKER over them, `scores` are the metric of each.
    """

    candidate: Candidate
    params: Mapping[str, Any]
    mean: float
    deviation: float
    tie_breaker: float
    scores: tuple[float, ...] = ()

    def is_beside(self, other: "Trial") -> bool:
        """True for settings of one family that differ by one step of the grid in one parameter."""
        if self.candidate is not other.candidate:
            return False
        different = [name for name in self.params if self.params[name] != other.params[name]]
        steps = pairwise(self.candidate.grid[different[0]]) if len(different) == 1 else ()
        return any({self.params[different[0]], other.params[different[0]]} == set(step) for step in steps)


class _Progress:
    """A callback of scikit-learn's that logs each setting once it is through its folds."""

    def __init__(self, spec: ModelSpec, candidate: Candidate) -> None:
        self.spec = spec
        self.candidate = candidate
        self.fits = 0

    def setup(self, estimator: BaseEstimator, context: CallbackContext) -> None: ...

    def teardown(self, estimator: BaseEstimator, context: CallbackContext) -> None: ...

    def on_fit_task_begin(self, estimator: BaseEstimator, context: CallbackContext, **_: object) -> None: ...

    def on_fit_task_end(self, estimator: BaseEstimator, context: CallbackContext, **_: object) -> None:  # noqa: ARG002
        if context.task_name != "candidate-split-evaluation":
            return
        self.fits += 1
        done, begun = divmod(self.fits, self.spec.folds)
        if not begun:
            settings = len(ParameterGrid(dict(self.candidate.grid)))
            log.info("%s: %d of %d settings of %s compared", self.spec.name, done, settings, self.candidate.family)


def folds_of(spec: ModelSpec | StageSpec, frame: pd.DataFrame, target: Target | Codes) -> Folds:
    """The rows to learn from and the rows to judge by, for each of the spec's folds.

    Groups stay together; of those who gave an answer, the rarest of what they gave, each fold has as many.
    """
    group = np.arange(len(frame)) if spec.group is None else pd.factorize(frame[spec.group])[0]
    rarity = np.argsort(np.argsort(-np.bincount(target)))
    rarest = np.zeros(group.max() + 1, dtype=np.intp)
    np.maximum.at(rarest, group, rarity[target.astype(np.intp)])
    # scikit-learn's own split by answers and groups looks at one group after the other: seconds, where this takes none
    folds = StratifiedKFold(spec.folds, shuffle=True, random_state=spec.seed)
    judged = (np.isin(group, drawn) for _, drawn in folds.split(rarest, rarest))
    return [(np.flatnonzero(~is_judged), np.flatnonzero(is_judged)) for is_judged in judged]


def search(spec: ModelSpec, rows: Rows, impression_budget: float, n_jobs: int) -> tuple[Trial, ...]:
    """All settings of the spec's candidates, the best by its metric first; how far it is goes to this module's logger.

    `recall_within_budget` is the most of a fold's positives that can be shown if no more than `impression_budget` of
    its rows may be: recall alone is won by showing always.
    """

    def recall_within_budget(classifier: ClassifierMixin, matrix: Matrix, truth: Target) -> float:
        score = classifier.predict_proba(matrix)[:, 1]
        return float((score >= pick_threshold(score, truth, impression_budget))[truth].mean())

    scoring = {
        name: recall_within_budget if name == "recall_within_budget" else name for name in {spec.metric, TIE_BREAKER}
    }
    trials = []
    for candidate in spec.candidates:
        estimator = families.build(candidate.family, spec.seed, n_jobs, to_compare=True)
        grid = {name: list(values) for name, values in candidate.grid.items()}
        found = GridSearchCV(estimator, grid, scoring=scoring, cv=rows.folds, refit=False, error_score="raise")
        found.set_callbacks(_Progress(spec, candidate)).fit(rows.matrix, rows.target, **rows.told(candidate.family))
        results = found.cv_results_
        figures = (
            results[f"{kind}_test_{name}"]
            for kind, name in (("mean", spec.metric), ("std", spec.metric), ("mean", TIE_BREAKER))
        )
        by_fold = zip(*(results[f"split{fold}_test_{spec.metric}"] for fold in range(len(rows.folds))), strict=True)
        trials += [
            Trial(candidate, params, float(mean), float(deviation), float(tie_breaker), tuple(map(float, scores)))
            for params, mean, deviation, tie_breaker, scores in zip(results["params"], *figures, by_fold, strict=True)
        ]
    return tuple(sorted(trials, key=lambda trial: (-trial.mean, -trial.tie_breaker)))


def nearby_spread(trials: Sequence[Trial]) -> float:
    """How much the metric of the best setting differs at most from that of a setting beside it; NaN if none is.

    Far above the deviation over folds, the best setting was picked by chance.
    """
    best = trials[0]
    return max((abs(best.mean - trial.mean) for trial in trials[1:] if trial.is_beside(best)), default=float("nan"))
