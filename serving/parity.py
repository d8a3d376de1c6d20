"""Whether the service would have served, at past moments, what models learn of them: its own assembler, row by row."""

import math
from bisect import bisect_right
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, cast

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from feature_repo.contract import FEATURE_AT, DataType
from feature_repo.online_rows import deserialise, scalars, serialise
from feature_repo.stored_rows import Scalar, StoredRows
from ml.bundle import BundleFeature
from serving.requests import DecideRequest, Event, Value
from serving.vector import USER, Assembler, FeatureVector

MOMENT = "event_timestamp"
SHOWN = 10
"""Differences that are told of."""


@dataclass(frozen=True)
class ServedParity:
    """How many rows were compared, in how many some feature differed, in which ones, and the first differences."""

    rows: int
    different: int
    features: tuple[str, ...]
    examples: tuple[str, ...]


def serve(
    features: Sequence[BundleFeature], moments: pd.DataFrame, events: pd.DataFrame, known: Mapping[str, pd.DataFrame]
) -> Sequence[FeatureVector]:
    """The vectors that the service would have assembled at `moments`, rows of `user_pseudo_id`, `session_key`, MOMENT.

    `events` are those of the sessions (`session_key`, `event_name`, `event_timestamp` in microseconds), of which the
    service is told those up to the moment. `known` holds, by view, the row that was known at each moment, in their
    order; user rows go through the online store's own encoding, and are judged by the service.
    """
    assembler = Assembler(features)
    at = _microseconds(moments[MOMENT])
    profiles = _profiles([feature for feature in features if feature.entity != USER and feature.rule is None], known)
    heard = _heard(events)
    requests = [
        DecideRequest(user, moment, profile, _until(heard.get(session, ()), moment))
        for user, session, moment, profile in zip(
            moments["user_pseudo_id"], moments["session_key"], at, profiles, strict=True
        )
    ]
    stored = {
        view: _stored([feature for feature in features if feature.view == view], known[view])
        for view in assembler.views
    }
    return assembler.assemble(requests, stored, at).vectors


def is_alone(moments: pd.DataFrame, events: pd.DataFrame) -> NDArray[np.bool_]:
    """Whether nothing else happened in the session at each moment's instant, since either may then be heard first."""
    at_once = Counter(zip(events["session_key"], events["event_timestamp"].tolist(), strict=True))
    places = zip(moments["session_key"], _microseconds(moments[MOMENT]), strict=True)
    return np.array([at_once[place] <= 1 for place in places], dtype=np.bool_)


def compare(features: Sequence[BundleFeature], served: Sequence[FeatureVector], offline: pd.DataFrame) -> ServedParity:
    """Hold each served vector to the offline row in its place: null to null, others but for a float's last bit."""
    names = [feature.name for feature in features]
    different, named = 0, set()
    examples: list[str] = []
    for vector, row in zip(served, offline.to_dict("records"), strict=True):
        found = [name for name in names if not _is_same(vector.values[name], row[name])]
        different += bool(found)
        named.update(found)
        examples += [
            f"{name} at {row[MOMENT]}: served {vector.values[name]!r}, offline {row[name]!r}"
            for name in found[: SHOWN - len(examples)]
        ]
    return ServedParity(len(served), different, tuple(name for name in names if name in named), tuple(examples))


def _is_same(served: Value, offline: Any) -> bool:
    if served is None or pd.isna(offline):
        return served is None and bool(pd.isna(offline))
    if isinstance(served, float):
        return abs(served - float(offline)) <= math.ulp(served)
    return bool(served == offline)


def _microseconds(times: pd.Series) -> list[int]:
    moments = pd.to_datetime(times, utc=True).dt.tz_localize(None).to_numpy("datetime64[us]")
    return list(moments.astype(np.int64).tolist())


def _profiles(features: Sequence[BundleFeature], known: Mapping[str, pd.DataFrame]) -> Iterator[dict[str, Value]]:
    columns = [_scalars(known[feature.view], feature) for feature in features]
    names = [feature.name for feature in features]
    return (dict(zip(names, values, strict=True)) for values in zip(*columns, strict=True))


def _stored(features: Sequence[BundleFeature], rows: pd.DataFrame) -> StoredRows:
    """`rows` as the online store gives them back; those of entities that nothing is known of have no time."""
    columns = {
        feature.name: deserialise(serialise(_scalars(rows, feature), cast(DataType, feature.data_type)))
        for feature in features
    }
    is_known = rows[FEATURE_AT].notna()
    times = _microseconds(rows[FEATURE_AT].where(is_known, pd.Timestamp(0)))
    return StoredRows(columns, [time // 1_000_000 for time in times])


def _scalars(rows: pd.DataFrame, feature: BundleFeature) -> list[Scalar | None]:
    return scalars(rows[feature.name], cast(DataType, feature.data_type))


def _heard(events: pd.DataFrame) -> Mapping[str, Sequence[Event]]:
    heard: dict[str, list[Event]] = {}
    ordered = events.sort_values("event_timestamp", kind="stable")
    for session, name, time in zip(
        ordered["session_key"], ordered["event_name"], ordered["event_timestamp"].tolist(), strict=True
    ):
        heard.setdefault(session, []).append(Event(name, time))
    return heard


def _until(events: Sequence[Event], moment: int) -> tuple[Event, ...]:
    return tuple(events[: bisect_right(events, moment, key=lambda event: event.event_timestamp)])
