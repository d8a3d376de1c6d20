"""Tables that models learn from, and their split by time."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Generic, TypeVar

import pandas as pd
from pandas.api.types import infer_dtype

from feature_repo.contract import Column, DataType, FeatureTable
from ml.bundle import BundleFeature
from ml.encoding import Feature
from ml.specs import ModelSpec, StageSpec

EVENT_TIMESTAMP = "event_timestamp"

SETTLED_AT = "settled_at"
"""The column of when a row's label was known for sure: at the event that makes it true, or as its window ends."""

F = TypeVar("F", bound=Feature)

_DATA_TYPES: Mapping[str, DataType] = {
    "string": "string",
    "boolean": "bool",
    "integer": "int64",
    "floating": "float64",
    "mixed-integer-float": "float64",
    "empty": "float64",
}
"""By what pandas says of a column's values."""


class DatasetError(ValueError):
    """A table can't be learnt from; the message names what is wrong with it and what would be right."""


@dataclass(frozen=True)
class Split:
    """Rows before and from `cutoff`, where the test days begin; no label of `train` looks past it."""

    train: pd.DataFrame
    test: pd.DataFrame
    cutoff: pd.Timestamp
    purged: int


@dataclass(frozen=True)
class TrainingSet(Generic[F]):
    """One row a decision moment (`event_timestamp`): features as known then, the label, and when it was settled."""

    frame: pd.DataFrame
    features: tuple[F, ...]
    label: str

    def __post_init__(self) -> None:
        needed = [EVENT_TIMESTAMP, SETTLED_AT, self.label, *(feature.name for feature in self.features)]
        absent = [name for name in needed if name not in self.frame.columns]
        if absent:
            raise DatasetError(f"Training set lacks columns {absent}; it has {sorted(self.frame.columns)}.")

    @property
    def rows(self) -> int:
        return len(self.frame)

    @property
    def positives(self) -> int:
        return int(self.frame[self.label].astype(bool).sum())

    @property
    def first_day(self) -> str:
        """The day of the earliest decision, as YYYY-MM-DD."""
        return f"{self.frame[EVENT_TIMESTAMP].min():%Y-%m-%d}"

    @property
    def last_day(self) -> str:
        """The day of the latest decision, as YYYY-MM-DD."""
        return f"{self.frame[EVENT_TIMESTAMP].max():%Y-%m-%d}"

    @property
    def fingerprint(self) -> str:
        """SHA-256 of moments, features and labels; the same for the same rows in the same order."""
        columns = [EVENT_TIMESTAMP, self.label, *sorted(feature.name for feature in self.features)]
        rows = pd.util.hash_pandas_object(self.frame[columns], index=False)
        return hashlib.sha256(rows.to_numpy().tobytes()).hexdigest()


def features_of(tables: tuple[FeatureTable, ...], model: str) -> tuple[BundleFeature, ...]:
    """The features that `model` reads, over all tables, in contract order."""
    return tuple(
        BundleFeature(
            name=column.name,
            view=table.view,
            entity=table.entity,
            data_type=column.data_type,
            ttl_seconds=table.ttl.total_seconds(),
            rule=column.rule,
            place=column.place,
            subgroup=column.subgroup,
        )
        for table in tables
        for column in table.features_of(model)
    )


def columns_of(frame: pd.DataFrame) -> tuple[Column, ...]:
    """Every column of any table as a feature, typed by the values that it holds.

    Raises:
        DatasetError: a column holds something else than numbers, truth values or texts.
    """
    kinds = {str(name): infer_dtype(frame[name].astype(object), skipna=True) for name in frame}
    unknown = {name: kind for name, kind in kinds.items() if kind not in _DATA_TYPES}
    if unknown:
        raise DatasetError(f"Columns {unknown} can't be learnt from: numbers, truth values and texts can.")
    return tuple(Column(name, _DATA_TYPES[kind], "", is_nullable=True) for name, kind in kinds.items())


def split_by_missing(
    features: Sequence[F], frame: pd.DataFrame, limit: float
) -> tuple[tuple[F, ...], dict[str, float]]:
    """The features of which a share below `limit` is missing in `frame`, and the missing share of each other one.

    With a limit of 1.0 only what is missing throughout is left out. So it is with cities, whatever the limit: recoding
    gives a missing one the median population and a region of its own.
    """
    missing = {feature.name: float(frame[feature.name].isna().mean()) for feature in features}
    kept = tuple(feature for feature in features if missing[feature.name] < (1.0 if feature.place == "city" else limit))
    names = {feature.name for feature in kept}
    return kept, {name: share for name, share in missing.items() if name not in names}


def split_by_time(frame: pd.DataFrame, horizon: timedelta, test_share: float = 0.2) -> Split:
    """The last `test_share` of the days as test set; earlier rows with a label still open then are purged.

    Raises:
        DatasetError: there are fewer than two days, or `test_share` is no share.
    """
    if not 0.0 < test_share < 1.0:
        raise DatasetError(f"test_share is {test_share}; a share above 0 and below 1 is needed.")
    moments = frame[EVENT_TIMESTAMP]
    days = sorted(moments.dt.floor("D").unique())
    if len(days) < 2:
        raise DatasetError(f"Rows cover {len(days)} day(s); at least 2 are needed to hold the last ones out.")
    test_days = min(max(round(len(days) * test_share), 1), len(days) - 1)
    return split_at(frame, horizon, pd.Timestamp(days[-test_days]))


def split_at(frame: pd.DataFrame, horizon: timedelta, cutoff: pd.Timestamp) -> Split:
    """The rows from `cutoff` on as test set; earlier rows with a label still open then are purged."""
    moments = frame[EVENT_TIMESTAMP]
    is_test = moments >= cutoff
    is_train = ~is_test & (moments + horizon <= cutoff)
    return Split(frame[is_train], frame[is_test], cutoff, purged=int((~is_test & ~is_train).sum()))


def refuse_all_purged(spec: ModelSpec | StageSpec, split: Split) -> None:
    """Refuse days too few for a label of a row before the test days to be known before they begin.

    Raises:
        DatasetError: no row is left to learn from; the message says how far labels look ahead.
    """
    if split.train.empty and split.purged:
        raise DatasetError(
            f"{spec.name} has no row to learn from: its labels look {spec.horizon.days} days ahead, and those of all "
            f"{split.purged:,} rows before the test days, from {split.cutoff:%Y-%m-%d} on, look into these; "
            "more days are needed."
        )
