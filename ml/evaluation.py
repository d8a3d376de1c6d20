"""How good a model is on rows it never saw, with 95 % intervals; alone in importing sklearn.metrics."""

from dataclasses import dataclass, fields

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn import config_context, metrics

from ml.datasets import F
from ml.intervals import RESAMPLES, UNDEFINED, Interval, bounds, interval_of, resampled, widest, wilson
from ml.training import Fitted

Scores = NDArray[np.float64]
Target = NDArray[np.bool_]

BINS = 10
SILHOUETTE_ROWS = 2_000


@dataclass(frozen=True)
class Outcomes:
    """Scores of test rows beside what came true; rows with the same number in `groups` are the same user's."""

    target: Target
    score: Scores
    groups: NDArray[np.intp]


@dataclass(frozen=True)
class Scorecard:
    """A model's figures on the test set; `recall` to `impressions_share` hold at `threshold`.

    `train_test_gap` is the ROC-AUC on the training rows less that on the test rows.
    """

    rows: int
    positives: int
    threshold: float
    roc_auc: Interval
    average_precision: Interval
    recall: Interval
    precision: Interval
    specificity: Interval
    impressions_share: Interval
    lift_top_decile: Interval
    brier: Interval
    calibration_error: Interval
    train_test_gap: Interval

    @property
    def intervals(self) -> dict[str, Interval]:
        """The figures that have an interval, by name."""
        values = {field.name: getattr(self, field.name) for field in fields(self)}
        return {name: value for name, value in values.items() if isinstance(value, Interval)}

    @property
    def cannot_tell(self) -> bool:
        """True where the test set doesn't show that the model ranks better than chance."""
        return not self.roc_auc.low > 0.5

    def as_metadata(self) -> dict[str, float]:
        """Every defined figure by name, its bounds as `<name>_low` and `<name>_high`."""
        counts = {"rows": int(self.rows), "positives": int(self.positives)}
        return {**counts, "threshold": float(self.threshold), **bounds(self.intervals)}


@dataclass(frozen=True)
class Curves:
    """What plots draw of a test set."""

    false_positive_rate: Scores
    true_positive_rate: Scores
    recall: Scores
    precision: Scores
    predicted: Scores
    observed: Scores
    lift: Scores


@dataclass(frozen=True)
class Separation:
    """How well groups stand apart; `widths` are the silhouettes of rows sampled, `groups` their groups."""

    silhouette: Interval
    davies_bouldin: float
    widths: Scores
    groups: NDArray[np.intp]


def evaluate(fitted: Fitted[F], train: pd.DataFrame, test: pd.DataFrame) -> Scorecard:
    """The scorecard of a model on its test set.

    Raises:
        ValueError: the test set is empty.
    """
    spec = fitted.spec
    if test.empty:
        raise ValueError(f"The test set of {spec.name} has 0 rows; at least 1 is needed.")
    train_auc = roc_auc(target_of(train, spec.label), fitted.score(train))
    return scorecard(outcomes_of(fitted, test), fitted.threshold, train_auc, spec.seed)


def outcomes_of(fitted: Fitted[F], frame: pd.DataFrame) -> Outcomes:
    """What a model says of rows, beside what came true."""
    spec = fitted.spec
    groups = np.arange(len(frame)) if spec.group is None else pd.factorize(frame[spec.group])[0]
    return Outcomes(target_of(frame, spec.label), fitted.score(frame), groups)


def target_of(frame: pd.DataFrame, label: str) -> Target:
    """The label as a vector of truth values."""
    return np.asarray(frame[label].astype(bool), dtype=np.bool_)


def scorecard(
    outcomes: Outcomes, threshold: float, train_auc: float, seed: int = 7, resamples: int = RESAMPLES
) -> Scorecard:
    """The figures of scores against what came true; intervals resample whole groups, not rows."""
    target, score = outcomes.target, outcomes.score
    with config_context(assume_finite=True, skip_parameter_validation=True):
        values = figures_of(target, score, threshold)
        drawn = [
            figures_of(target[rows], score[rows], threshold) for rows in resampled(outcomes.groups, seed, resamples)
        ]
    intervals = {
        name: interval_of(value, np.array([figures[name] for figures in drawn])) for name, value in values.items()
    }
    # where all of few rows are alike, so is every resample: that they may be so by luck, Wilson's interval knows
    for name, of in _counted(target, score >= threshold).items():
        intervals[name] = widest(intervals[name], wilson(int(of.sum()), len(of)))
    auc = intervals["roc_auc"]
    gap = Interval(train_auc - auc.value, train_auc - auc.high, train_auc - auc.low)
    return Scorecard(len(target), int(target.sum()), threshold, train_test_gap=gap, **intervals)


def roc_auc(target: Target, score: Scores) -> float:
    """ROC-AUC of scores against what came true; NaN where all rows have one answer."""
    return float(metrics.roc_auc_score(target, score)) if 0 < target.sum() < len(target) else float("nan")


def expected_roc_auc(probability: Scores, score: Scores) -> float:
    """ROC-AUC that scores have where each row's true probability is known, over all that may come true.

    Each row is a positive by its probability, and a negative by the rest.
    """
    answers, both = np.repeat([True, False], len(score)), np.tile(score, 2)
    return float(metrics.roc_auc_score(answers, both, sample_weight=np.append(probability, 1 - probability)))


def calibration_error(target: Target, score: Scores) -> float:
    """How far predicted rates lie from observed ones on average, over bins of equal size."""
    # rows of equal scores are one to the model, whatever their order
    _, whose, ties = np.unique(score, return_inverse=True, return_counts=True)
    observed = (np.bincount(whose, target) / ties)[whose]
    gaps = [abs(score[rows].mean() - observed[rows].mean()) * len(rows) for rows in _bins(score)]
    return float(sum(gaps) / len(score))


def curves(target: Target, score: Scores) -> Curves:
    """The curves of scores against what came true; needs both answers among `target`."""
    false_positive_rate, true_positive_rate, _ = metrics.roc_curve(target, score)
    precision, recall, _ = metrics.precision_recall_curve(target, score)
    bins = _bins(score)
    return Curves(
        false_positive_rate=false_positive_rate,
        true_positive_rate=true_positive_rate,
        recall=recall,
        precision=precision,
        predicted=np.array([score[rows].mean() for rows in bins]),
        observed=np.array([target[rows].mean() for rows in bins]),
        lift=np.array([target[rows].mean() / target.mean() for rows in reversed(bins)]),
    )


def separation(matrix: NDArray[np.floating], groups: NDArray[np.intp], seed: int = 7) -> Separation:
    """Silhouette and Davies-Bouldin index of a grouping, on `SILHOUETTE_ROWS` rows drawn at random."""
    rng = np.random.default_rng(seed)
    rows = np.sort(rng.permutation(len(matrix))[:SILHOUETTE_ROWS])
    sample, drawn_groups = matrix[rows], groups[rows]
    if not 1 < len(np.unique(drawn_groups)) < len(rows):
        return Separation(UNDEFINED, float("nan"), np.zeros(len(rows)), drawn_groups)
    widths = metrics.silhouette_samples(sample, drawn_groups)
    means = rng.choice(widths, size=(RESAMPLES, len(widths))).mean(axis=1)
    index = float(metrics.davies_bouldin_score(sample, drawn_groups))
    return Separation(interval_of(float(widths.mean()), means), index, widths, drawn_groups)


def agreement(one: NDArray[np.intp], other: NDArray[np.intp]) -> float:
    """How alike two groupings of the same rows are: the adjusted Rand index, 1 for the same and 0 by chance."""
    return float(metrics.adjusted_rand_score(one, other))


def figures_of(target: Target, score: Scores, threshold: float) -> dict[str, float]:
    """The figures of a scorecard by name, without their intervals."""
    shown = score >= threshold
    return {
        "roc_auc": roc_auc(target, score),
        "average_precision": _average_precision(target, score),
        **{name: _share(of) for name, of in _counted(target, shown).items()},
        "lift_top_decile": _lift_top_decile(target, score),
        "brier": float(np.mean((score - target) ** 2)),
        "calibration_error": calibration_error(target, score),
    }


def _counted(target: Target, shown: Target) -> dict[str, Target]:
    """Of the figures that are shares of rows: which rows, and which of them count."""
    return {
        "recall": shown[target],
        "precision": target[shown],
        "specificity": ~shown[~target],
        "impressions_share": shown,
    }


def _bins(score: Scores) -> list[NDArray[np.intp]]:
    """Rows by rising score, in bins of equal size."""
    return np.array_split(np.argsort(score, kind="stable"), min(BINS, len(score)))


def _share(values: Target) -> float:
    return float(values.mean()) if len(values) else float("nan")


def _average_precision(target: Target, score: Scores) -> float:
    return float(metrics.average_precision_score(target, score)) if target.any() else float("nan")


def _lift_top_decile(target: Target, score: Scores) -> float:
    size = -(-len(score) // 10)
    edge = np.partition(score, -size)[-size]
    above, tied = score > edge, score == edge
    # rows that share the edge's score count in part, whatever their order
    hits = target[above].sum() + target[tied].mean() * (size - above.sum())
    return float(hits / size / target.mean()) if target.any() else float("nan")
