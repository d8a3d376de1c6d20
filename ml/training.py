"""Fitting: from a table to a calibrated model with a threshold; reads nothing, logs nothing."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Generic, Protocol

import numpy as np
import pandas as pd
import xgboost as xgb
from numpy.typing import NDArray
from sklearn.base import ClassifierMixin
from sklearn.model_selection import cross_val_predict

from ml import families
from ml.bundle import Bundle, BundleFeature, Calibration, Header
from ml.calibration import calibrate
from ml.datasets import DatasetError, F, split_by_missing
from ml.encoding import Encoding, Feature, Matrix
from ml.pipelines import PipelineBooster, log_odds
from ml.search import Rows, Trial, folds_of, search
from ml.specs import ModelSpec

GOLDEN_ROWS = 20


class TooFewPositives(ValueError):  # noqa: N818 - says what is wrong
    """A table holds too few examples to learn from; the message counts them."""


class Reads(Protocol):
    """A model that says what it reads."""

    @property
    def features(self) -> Sequence[Feature]: ...


@dataclass(frozen=True)
class Fitted(Generic[F]):
    """A model as learnt from its training rows; `trials` are all settings tried, the best first.

    `left_out` are the features of which too much was missing, with the missing share.
    """

    spec: ModelSpec
    features: tuple[F, ...]
    left_out: Mapping[str, float]
    encoding: Encoding
    booster: xgb.Booster | PipelineBooster
    calibration: Calibration
    threshold: float
    trials: tuple[Trial, ...]
    rows: int
    positives: int

    def score(self, frame: pd.DataFrame) -> NDArray[np.float64]:
        """Calibrated probabilities, one a row of `frame`."""
        margin = self.booster.inplace_predict(self.encoding.transform(frame), predict_type="margin")
        return self.calibration.probability(margin)

    def importance(self) -> dict[str, float]:
        """Each feature's share in what the model uses, the largest first; levels of a text count together."""
        return families.importance_by_feature(self.booster, self.encoding)

    def importance_by_source(self) -> dict[str, float]:
        """The same of the features themselves, that of what recoding makes of one added up; largest first."""
        sources, shares = self.encoding.sources, dict.fromkeys((feature.name for feature in self.features), 0.0)
        for name, share in self.importance().items():
            shares[sources[name]] += share
        return dict(sorted(shares.items(), key=lambda pair: -pair[1]))


def fit(
    spec: ModelSpec,
    frame: pd.DataFrame,
    features: Sequence[F],
    impression_budget: float = 0.5,
    n_jobs: int = 1,
) -> Fitted[F]:
    """The best of the spec's candidates on `frame`, by cross-validation; works on any table.

    Args:
        spec: What is asked; its label and its group are columns of `frame`. Same seed, same model.
        frame: Training rows only. A label is true or false, a feature a number, a truth value, text, or null.
        features: The columns to learn from; anything with a `name`, a `data_type` and a `place` of the contract.
        impression_budget: Largest share of rows that may score at or above the threshold.
        n_jobs: Threads; more than there are idle cores make it slower by far.

    Raises:
        TooFewPositives: there are fewer examples of either answer than the spec asks for.
        DatasetError: there are no features or none with enough values, a column is absent, or a label is null.

    >>> from dataclasses import replace
    >>> from feature_repo.contract import Column
    >>> from ml.specs import POPUP_PROFILE
    >>> table = pd.DataFrame({"pages": [1, 2, 3, None] * 100, "device": ["mobile", "desktop"] * 200})
    >>> table["bought"] = table["pages"] == 3
    >>> columns = [Column("pages", "int64", "", True), Column("device", "string", "", True)]
    >>> spec = replace(POPUP_PROFILE, name="shop", label="bought", group=None, missing_limit=0.5)
    >>> fitted = fit(spec, table, columns)
    >>> [bool(score >= fitted.threshold) for score in fitted.score(table[:4])]
    [False, False, True, False]
    """
    _refuse_unusable(spec, frame, features)
    target = _target(spec, frame)
    _refuse_few_groups(spec, frame, target)
    kept, left_out = split_by_missing(features, frame, spec.missing_limit)
    if not kept:
        raise DatasetError(f"{spec.name} has 0 features of which less than {spec.missing_limit:.0%} is missing.")
    encoding = Encoding.fit(kept, frame)
    matrix = encoding.transform(frame)
    _refuse_unlearnable(spec, encoding, matrix)
    users = None if spec.group is None else pd.factorize(frame[spec.group])[0]
    rows = Rows(matrix, target, folds_of(spec, frame, target), users)
    trials = search(spec, rows, impression_budget, n_jobs)
    family = trials[0].candidate.family
    best = families.build(family, spec.seed, n_jobs).set_params(**trials[0].params)
    margin = _unseen_margin(best, rows, rows.told(family))
    current = frame[spec.current].to_numpy(dtype=np.bool_) if spec.current else None
    calibration, threshold = calibrate(margin, target, impression_budget, current)
    return Fitted(
        spec=spec,
        features=kept,
        left_out=left_out,
        encoding=encoding,
        booster=families.booster_of(best.fit(rows.matrix, target, **rows.told(family))),
        calibration=calibration,
        threshold=threshold,
        trials=trials,
        rows=len(frame),
        positives=int(target.sum()),
    )


def bundle_of(fitted: Fitted[BundleFeature], header: Header) -> Bundle:
    """The model as the decision service loads it."""
    return Bundle(header, fitted.features, fitted.encoding, fitted.calibration, fitted.booster)


def golden_rows(fitted: Reads, frame: pd.DataFrame) -> list[dict[str, Any]]:
    """Rows that could be, as plain values that JSON can hold, for a bundle to be tried with.

    Each value stands in `frame`, no row does: a version keeps its bundle for good, and people may ask to be forgotten.
    """
    rng = np.random.default_rng(GOLDEN_ROWS)
    size = min(GOLDEN_ROWS, len(frame))
    drawn = {feature.name: frame[feature.name].iloc[rng.permutation(len(frame))[:size]] for feature in fitted.features}
    sample = pd.DataFrame({name: values.astype(object).to_numpy() for name, values in drawn.items()})
    return [
        {str(name): None if pd.isna(value) else value for name, value in row.items()}
        for row in sample.to_dict("records")
    ]


def _refuse_unusable(spec: ModelSpec, frame: pd.DataFrame, features: Sequence[F]) -> None:
    if not features:
        raise DatasetError(f"{spec.name} has 0 features; name it among the `models` of at least one contract column.")
    named = [column for column in (spec.group, spec.current) if column]
    needed = [spec.label, *(feature.name for feature in features), *named]
    absent = [name for name in needed if name not in frame.columns]
    if absent:
        raise DatasetError(f"{spec.name} needs columns {absent}; the table has {sorted(frame.columns)}.")
    nameless = int(frame[spec.group].isna().sum()) if spec.group else 0
    if nameless:
        raise DatasetError(f"{spec.group} is null in {nameless} of {len(frame)} rows; each row must be somebody's.")


def _refuse_unlearnable(spec: ModelSpec, encoding: Encoding, matrix: Matrix) -> None:
    if not encoding.names:
        raise DatasetError(f"{spec.name} has no number to learn from, and no text of which a level stands in 20 rows.")
    infinite = [name for name, values in zip(encoding.names, matrix.T, strict=True) if np.isinf(values).any()]
    if infinite:
        raise DatasetError(f"{spec.name} has infinite values in {infinite}; a number, or null, is needed in each row.")


def _target(spec: ModelSpec, frame: pd.DataFrame) -> NDArray[np.bool_]:
    nulls = int(frame[spec.label].isna().sum())
    if nulls:
        raise DatasetError(f"Label {spec.label} is null in {nulls} of {len(frame)} rows; each row needs a label.")
    strange = sorted({str(value) for value in frame[spec.label].unique()} - {"True", "False", "0", "1", "0.0", "1.0"})
    if strange:
        raise DatasetError(f"Label {spec.label} holds {strange[:5]}; true or false, or 1 or 0, is needed in each row.")
    target = np.asarray(frame[spec.label].astype(bool), dtype=np.bool_)
    for answer, count in (("positive", target.sum()), ("negative", (~target).sum())):
        if count < spec.min_positives:
            raise TooFewPositives(
                f"{spec.name} has {count} {answer} rows of {spec.label} among {len(target)}; "
                f"at least {spec.min_positives} are needed."
            )
    return target


def _refuse_few_groups(spec: ModelSpec, frame: pd.DataFrame, target: NDArray[np.bool_]) -> None:
    """Refuse what leaves a fold without an answer because few groups gave all of its rows."""
    for answer, rows in (("positive", target), ("negative", ~target)):
        groups = frame.loc[rows, spec.group].nunique() if spec.group else spec.folds
        if groups < spec.folds:
            raise TooFewPositives(
                f"{spec.name} has {answer} rows of {spec.label} from {groups} different {spec.group}; "
                f"at least {spec.folds} are needed, one a fold."
            )


def _unseen_margin(classifier: ClassifierMixin, rows: Rows, told: Mapping[str, Any]) -> NDArray[np.float64]:
    probability = cross_val_predict(
        classifier, rows.matrix, rows.target, cv=rows.folds, method="predict_proba", params=dict(told)
    )
    return log_odds(probability[:, 1])
