"""The feature vectors of decisions: session profile, live activity and user history."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import cache

import msgspec

from feature_repo.stored_rows import StoredRows
from ml.bundle import BundleFeature
from serving.activity import as_of_last_act
from serving.clock import SECOND
from serving.problems import invalid
from serving.requests import DecideRequest, Value

USER, SESSION = "user", "session"
ACCEPTED: Mapping[str, tuple[type, ...]] = {
    "string": (str,),
    "int64": (int,),
    "float64": (int, float),
    "bool": (bool,),
}


MOST_KINDS = 1_000
"""Of profiles, that are known without a second look."""


class Freshness(StrEnum):
    """What a view's row of a user is worth at the moment of a decision; only a fresh one is used."""

    FRESH = "fresh"
    STALE = "stale"
    LATER = "later_than_moment"
    UNKNOWN = "unknown_user"
    UNAVAILABLE = "unavailable"


Column = Sequence[Value]
"""A value a request."""


class FeatureVector(msgspec.Struct, frozen=True):
    """A value for each feature a model reads, those that had none, and the freshness of each user view."""

    values: Mapping[str, Value]
    missing: tuple[str, ...]
    freshness: Mapping[str, Freshness]


@dataclass(frozen=True)
class FeatureMatrix:
    """The vectors of some requests, and the same values by feature."""

    columns: Mapping[str, Column]
    vectors: Sequence[FeatureVector]


def check_servable(features: Iterable[BundleFeature]) -> None:
    """Refuse a model that reads what this service can't give it.

    Raises:
        ValueError: names the feature, and its entity or type.
    """
    for feature in features:
        if feature.entity not in (USER, SESSION) or feature.data_type not in ACCEPTED:
            raise ValueError(
                f"Feature {feature.name} is {feature.data_type} of entity {feature.entity!r}; "
                f"the service gives {', '.join(ACCEPTED)} of {USER!r} or {SESSION!r}."
            )


class Assembler:
    """Puts the vectors of a model's features together; what can be worked out from the features is, once."""

    def __init__(self, features: Iterable[BundleFeature]) -> None:
        self.features = tuple(features)
        self.views: dict[str, dict[str, str]] = {}
        """The features to look up for a user, with their types, by view."""
        for feature in self.features:
            if feature.entity == USER:
                self.views.setdefault(feature.view, {})[feature.name] = feature.data_type
        self._age_limits = {feature.view: feature.ttl_seconds for feature in self.features if feature.entity == USER}
        self.rules = {feature.name: feature.rule for feature in self.features if feature.rule is not None}
        """How the model's live features are built, by name."""
        self._profile = {feature.name: feature.data_type for feature in self.features if _is_profile(feature)}
        self._right: set[tuple[tuple[str, ...], tuple[type, ...]]] = set()
        """Names and types of profiles that were right, of which a site sends few kinds."""

    def check_profile(self, profile: Mapping[str, Value]) -> None:
        """Refuse a profile that names what the model doesn't read from it, or gives it another type.

        Raises:
            RefusedError: names the field and what would be right (422).
        """
        kind = tuple(profile), tuple(map(type, profile.values()))
        if kind in self._right:
            return
        for name, value in profile.items():
            data_type = self._profile.get(name)
            if data_type is None:
                reads = ", ".join(self._profile)
                raise invalid(f"profile.{name[:100]}", f"The model reads no such field; it reads {reads}.")
            if value is not None and type(value) not in ACCEPTED[data_type]:
                told = f"{str(value)[:100]!r} is {type(value).__name__}; {data_type} is right."
                raise invalid(f"profile.{name}", told)
        if len(self._right) < MOST_KINDS:
            self._right.add(kind)

    def readable(self, profile: Mapping[str, Value]) -> dict[str, Value]:
        """What of a profile the model reads, in the type it reads: the profile may be older than the model."""
        return {
            name: value
            for name, value in profile.items()
            if value is None or type(value) in ACCEPTED.get(self._profile.get(name, ""), ())
        }

    def assemble(
        self, requests: Sequence[DecideRequest], stored: Mapping[str, StoredRows], moments: Sequence[int]
    ) -> FeatureMatrix:
        """The vector of each of `requests` at its moment, from the `stored` rows of their users by view.

        A view that isn't among the rows could not be looked up.
        """
        live = [
            as_of_last_act(self.rules, request.events, moment) if self.rules else {}
            for request, moment in zip(requests, moments, strict=True)
        ]
        return self.assemble_live([request.profile for request in requests], live, stored, moments)

    def assemble_live(
        self,
        profiles: Sequence[Mapping[str, Value]],
        live: Sequence[Mapping[str, Value]],
        stored: Mapping[str, StoredRows],
        moments: Sequence[int],
    ) -> FeatureMatrix:
        """The same of `profiles` whose `live` features, by name, are worked out already."""
        freshness = {
            view: _freshness(stored.get(view), moments, age_limit) for view, age_limit in self._age_limits.items()
        }
        known: dict[str, Column] = {}
        for view, rows in stored.items():
            is_fresh = [status is Freshness.FRESH for status in freshness[view]]
            known |= {name: _only_where(is_fresh, column) for name, column in rows.columns.items()}
        known |= {name: [values[name] for values in live] for name in self.rules}
        unknown = [None] * len(profiles)
        columns = {
            feature.name: [profile.get(feature.name) for profile in profiles]
            if feature.name in self._profile
            else known.get(feature.name, unknown)
            for feature in self.features
        }
        return FeatureMatrix(columns, self._vectors(columns, freshness, len(profiles)))

    def _vectors(
        self, columns: Mapping[str, Column], freshness: Mapping[str, Sequence[Freshness]], rows: int
    ) -> list[FeatureVector]:
        names = tuple(columns)
        # what never happened is known: it is not missing
        needed = [columns[name] for name in names if name not in self.rules]
        missing = [self._missing(values) for values in zip(*needed, strict=True)] if needed else [()] * rows
        statuses = zip(*freshness.values(), strict=True) if freshness else [()] * rows
        # few combinations in many rows
        told = cache(lambda status: dict(zip(freshness, status, strict=True)))
        return [
            FeatureVector(dict(zip(names, values, strict=True)), absent, told(status))
            for values, absent, status in zip(zip(*columns.values(), strict=True), missing, statuses, strict=True)
        ]

    def _missing(self, needed: Sequence[Value]) -> tuple[str, ...]:
        if None not in needed:
            return ()
        names = (feature.name for feature in self.features if feature.rule is None)
        return tuple(name for name, value in zip(names, needed, strict=True) if value is None)


def _is_profile(feature: BundleFeature) -> bool:
    return feature.entity == SESSION and feature.rule is None


def _only_where(is_fresh: Sequence[bool], column: Column) -> Column:
    if all(is_fresh):
        return column
    return [value if fresh else None for fresh, value in zip(is_fresh, column, strict=True)]


def _freshness(rows: StoredRows | None, moments: Sequence[int], age_limit: float) -> list[Freshness]:
    if rows is None:
        return [Freshness.UNAVAILABLE] * len(moments)
    return [_judge(second, moment, age_limit) for second, moment in zip(rows.feature_at, moments, strict=True)]


def _judge(second: int, moment: int, age_limit: float) -> Freshness:
    age = moment - second * SECOND
    if second == 0:
        return Freshness.UNKNOWN
    if age < 0:
        return Freshness.LATER
    return Freshness.STALE if age > age_limit * SECOND else Freshness.FRESH
