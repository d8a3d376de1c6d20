"""How good a model is to each group of visitors, and where it errs; groups are compared by intervals, not by values.

Intervals are closed forms in which a user's rows count as one: many groups hold so few converters that resampling them
finds no spread at all. fairlearn's MetricFrame groups.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from math import isfinite
from statistics import NormalDist
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ml.bundle import BundleFeature
from ml.evaluation import Outcomes, Scores, Target, roc_auc
from ml.intervals import UNDEFINED, Interval, wilson
from ml.power import standard_error

OTHER, MISSING = "other", "missing"
FIGURES = ("roc_auc", "recall", "precision", "impressions_share", "positives_share")
GROUP_ROWS = 50
"""Rows that a group needs to be judged by itself."""

# below this many users of either answer, a ROC-AUC says nothing
_ANSWERS = 10
_REACH = NormalDist().inv_cdf(0.975)

Users = NDArray[np.intp]


@dataclass(frozen=True)
class Group:
    """Rows that belong together, with each figure's 95 % interval by name."""

    name: str
    rows: int
    positives: int
    figures: Mapping[str, Interval]


@dataclass(frozen=True)
class Difference:
    """A figure of which two groups' intervals lie apart."""

    figure: str
    low: Group
    high: Group


@dataclass(frozen=True)
class Breakdown:
    """The groups that `by` tells apart, those too small to be judged together as `other` last."""

    by: str
    groups: tuple[Group, ...]

    @property
    def differences(self) -> tuple[Difference, ...]:
        """The figures in which two groups differ by more than chance, with the two that lie farthest apart."""
        names = self.groups[0].figures if self.groups else ()
        found = []
        for name in names:
            known = [group for group in self.groups if isfinite(group.figures[name].low)]
            if known:
                low = min(known, key=lambda group: group.figures[name].high)
                high = max(known, key=lambda group: group.figures[name].low)
                if low.figures[name].high < high.figures[name].low:
                    found.append(Difference(name, low, high))
        return tuple(found)


def subgroups(
    features: Iterable[BundleFeature], frame: pd.DataFrame, outcomes: Outcomes, threshold: float
) -> tuple[Breakdown, ...]:
    """FIGURES of each group that a feature's `subgroup` tells apart; `frame` and `outcomes` have the same rows."""
    return tuple(
        break_down(feature.subgroup, visitors(frame[feature.name]), outcomes, threshold, FIGURES)
        for feature in features
        if feature.subgroup is not None
    )


def break_down(
    by: str, names: "pd.Series[str]", outcomes: Outcomes, threshold: float, figures: Iterable[str]
) -> Breakdown:
    """The figures of each group; those of fewer than GROUP_ROWS rows are one group.

    `names` says each row's group; groups keep the order of its categories, if it has any.
    """
    from fairlearn.metrics import MetricFrame

    rows = names.value_counts()
    order = [*(names.cat.categories if isinstance(names.dtype, pd.CategoricalDtype) else rows.index), OTHER]
    joined = names.astype(object).where(names.isin(rows.index[rows >= GROUP_ROWS]), OTHER).to_numpy()
    metrics = {name: _figure(name, threshold) for name in figures}
    measured = MetricFrame(
        metrics=metrics,
        y_true=outcomes.target,
        y_pred=outcomes.score,
        sensitive_features=joined,
        sample_params={name: {"users": outcomes.groups} for name in metrics},
    ).by_group
    groups = [
        Group(str(name), int((joined == name).sum()), int(outcomes.target[joined == name].sum()), dict(figures))
        for name, figures in measured.iterrows()
    ]
    return Breakdown(by, tuple(sorted(groups, key=lambda group: order.index(group.name))))


def visitors(values: "pd.Series[Any]") -> "pd.Series[str]":
    """The group of each row: a text is its own, a number of visits is `new` up to 1 and `returning` above."""
    is_visits = pd.api.types.is_numeric_dtype(values)
    names = (values > 1).map({False: "new", True: "returning"}) if is_visits else values.astype(str)
    return names.mask(values.isna(), MISSING)


def _figure(name: str, threshold: float) -> Callable[..., Interval]:
    def figure(target: Target, score: Scores, users: Users) -> Interval:
        target = np.asarray(target, dtype=np.bool_)
        if name == "roc_auc":
            return _roc_auc(target, score, users)
        shown, everybody = score >= threshold, np.ones_like(target)
        part, whole = {
            "recall": (shown, target),
            "precision": (target, shown),
            "impressions_share": (shown, everybody),
            "positives_share": (target, everybody),
            "missed": (~shown, target),
            "needless": (shown, ~target),
        }[name]
        return _share(part[whole], users[whole])

    return figure


def _share(part: Target, users: Users) -> Interval:
    """The share of rows, with Wilson's interval of as many trials as there are users."""
    if not len(part):
        return UNDEFINED
    share, trials = float(part.mean()), len(np.unique(users))
    bounds = wilson(round(share * trials), trials)
    return Interval(share, min(bounds.low, share), max(bounds.high, share))


def _roc_auc(target: Target, score: Scores, users: Users) -> Interval:
    """ROC-AUC with the standard error of as many rows of each answer as there are users with it."""
    positives, negatives = (len(np.unique(users[answer])) for answer in (target, ~target))
    if min(positives, negatives) < _ANSWERS:
        return UNDEFINED
    value = roc_auc(target, score)
    reach = _REACH * standard_error(value, positives, negatives)
    return Interval(value, max(value - reach, 0.0), min(value + reach, 1.0))
