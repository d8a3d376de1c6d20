"""Two versions of a model on the same rows, which neither has seen: differences with paired bootstrap intervals."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import chain

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ml.bundle import Bundle, BundleFeature
from ml.calibration import pick_threshold
from ml.datasets import EVENT_TIMESTAMP
from ml.evaluation import Scores, Target, calibration_error, target_of
from ml.intervals import Interval, bounds, interval_of, resampled
from ml.specs import ModelSpec
from ml.subgroups import GROUP_ROWS, visitors

GROUP_POSITIVES = 10
"""Positives that a group of visitors needs to be compared by itself."""

DIFFERENCES = ("roc_auc", "recall_within_budget", "recall", "calibration_error")

Mask = NDArray[np.bool_]


@dataclass(frozen=True)
class Comparison:
    """A challenger beside the champion on rows that neither has seen; differences are challenger less champion.

    `champion_auc` and `challenger_auc` are each one's own ROC-AUC. `recall_within_budget` is the share of the positives
    that each would show if it showed as many of its best-scored rows as the impression budget bears, `recall` the share
    that each shows at its threshold. `groups` are differences of the ROC-AUC by group of visitors.
    """

    rows: int
    positives: int
    champion_auc: Interval
    challenger_auc: Interval
    roc_auc: Interval
    recall_within_budget: Interval
    recall: Interval
    calibration_error: Interval
    groups: Mapping[str, Interval]

    def as_metadata(self) -> dict[str, float]:
        """Every defined figure by name, its bounds as `<name>_low` and `<name>_high`."""
        differences = {
            "champion_roc_auc": self.champion_auc,
            "challenger_roc_auc": self.challenger_auc,
            **{f"{name}_difference": getattr(self, name) for name in DIFFERENCES},
            **{f"roc_auc_difference of {name}": interval for name, interval in self.groups.items()},
        }
        return {"rows": int(self.rows), "positives": int(self.positives), **bounds(differences)}


@dataclass(frozen=True)
class Answered:
    """Rows whose answers are known: these, whose each row is, and the rows of each group of visitors."""

    target: Target
    users: NDArray[np.intp]
    groups: Mapping[str, Mask] = field(default_factory=dict)


@dataclass(frozen=True)
class Scored:
    """A version's scores of rows, and the threshold from which on it shows."""

    score: Scores
    threshold: float


def compare(
    champion: Bundle, challenger: Bundle, spec: ModelSpec, frame: pd.DataFrame, budget: float
) -> Comparison | None:
    """Both on the rows of `frame` from days after all that either learnt from; None where one of the answers lacks."""
    untouched = frame[frame[EVENT_TIMESTAMP] >= after_all(champion, challenger)]
    target = target_of(untouched, spec.label)
    if not 0 < target.sum() < len(target):
        return None
    users = np.arange(len(untouched)) if spec.group is None else pd.factorize(untouched[spec.group])[0]
    rows = Answered(target, users, groups_of(challenger.features, untouched, target))
    old, new = (Scored(read.score(untouched), read.header.threshold) for read in (champion, challenger))
    return compare_scores(rows, old, new, budget, spec.seed)


def after_all(*versions: Bundle) -> pd.Timestamp:
    """The midnight, UTC, after the last day that any of the versions learnt from."""
    return pd.Timestamp(max(read.header.trained_to for read in versions), tz="UTC") + pd.Timedelta(days=1)


def groups_of(features: Iterable[BundleFeature], frame: pd.DataFrame, target: Target) -> dict[str, Mask]:
    """The rows of each group of visitors that the contract tells apart and that is large enough."""
    found = {}
    for feature in features:
        if feature.subgroup is not None:
            names = visitors(frame[feature.name])
            found.update({f"{feature.subgroup} {name}": (names == name).to_numpy() for name in sorted(names.unique())})
    return {
        name: rows
        for name, rows in found.items()
        if rows.sum() >= GROUP_ROWS and GROUP_POSITIVES <= target[rows].sum() < rows.sum()
    }


def compare_scores(rows: Answered, champion: Scored, challenger: Scored, budget: float, seed: int = 7) -> Comparison:
    """The challenger's scores beside the champion's; whole users are drawn, alike for both."""
    old, new = (_Version(rows, scored, budget) for scored in (champion, challenger))
    # all rows as they are come first
    samples = chain([np.arange(len(rows.target))], resampled(rows.users, seed))
    drawn = [(old.figures(sample), new.figures(sample)) for sample in samples]

    def difference(name: str) -> Interval:
        return _interval([after[name] - before[name] for before, after in drawn])

    return Comparison(
        rows=len(rows.target),
        positives=int(rows.target.sum()),
        champion_auc=_interval([before["roc_auc"] for before, _ in drawn]),
        challenger_auc=_interval([after["roc_auc"] for _, after in drawn]),
        groups={name: difference(name) for name in rows.groups},
        **{name: difference(name) for name in DIFFERENCES},
    )


class Ranking:
    """Rows sorted by score once, of which the ROC-AUC of any bootstrap sample is found without sorting it."""

    def __init__(self, target: Target, score: Scores) -> None:
        self._order = np.argsort(score, kind="stable")
        ranked = score[self._order]
        self._target = target[self._order]
        self._first = np.searchsorted(ranked, ranked[self._target], "left")
        self._last = np.searchsorted(ranked, ranked[self._target], "right")

    def roc_auc(self, times: NDArray[np.intp]) -> float:
        """As scikit-learn's of rows repeated so many `times`, in a thirtieth of the time; NaN without both answers."""
        times = times[self._order]
        positive = times[self._target]
        negatives = np.concatenate(([0], np.cumsum(np.where(self._target, 0, times))))
        pairs = int(positive.sum()) * int(negatives[-1])
        # a tie is half a win
        wins = (positive * (negatives[self._first] + negatives[self._last])).sum() / 2
        return float(wins / pairs) if pairs else float("nan")


class _Version:
    """A version's scores of rows, of which figures are asked sample by sample."""

    def __init__(self, rows: Answered, scored: Scored, budget: float) -> None:
        self._target, self._score, self._groups, self._budget = rows.target, scored.score, rows.groups, budget
        self._shows = scored.score >= scored.threshold
        self._ranking = Ranking(rows.target, scored.score)
        self._rankings = {
            name: Ranking(rows.target[members], scored.score[members]) for name, members in rows.groups.items()
        }

    def figures(self, rows: NDArray[np.intp]) -> dict[str, float]:
        """DIFFERENCES, and the ROC-AUC of each group by its name."""
        times = np.bincount(rows, minlength=len(self._target))
        target, score = self._target[rows], self._score[rows]
        return {
            "roc_auc": self._ranking.roc_auc(times),
            "recall_within_budget": _recall_within_budget(target, score, self._budget),
            "recall": float(self._shows[rows][target].mean()) if target.any() else float("nan"),
            "calibration_error": calibration_error(target, score),
            **{name: ranking.roc_auc(times[self._groups[name]]) for name, ranking in self._rankings.items()},
        }


def _interval(figures: Sequence[float]) -> Interval:
    """Of a figure on all rows, which comes first, and on the samples."""
    return interval_of(figures[0], np.array(figures[1:]))


def _recall_within_budget(target: Target, score: Scores, budget: float) -> float:
    if not target.any():
        return float("nan")
    return float((score >= pick_threshold(score, target, budget))[target].mean())
