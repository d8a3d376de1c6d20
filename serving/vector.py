"""The feature vector of a decision: session profile, live activity and user history."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum

from ml.bundle import BundleFeature
from serving.activity import SECOND, accumulate, last_act
from serving.features import StoredRow
from serving.problems import invalid
from serving.requests import DecideRequest, Value

USER, SESSION = "user", "session"
ACCEPTED: Mapping[str, tuple[type, ...]] = {
    "string": (str,),
    "int64": (int,),
    "float64": (int, float),
    "bool": (bool,),
}


class Freshness(StrEnum):
    """What a view's row of a user is worth at the moment of a decision; only a fresh one is used."""

    FRESH = "fresh"
    STALE = "stale"
    LATER = "later_than_moment"
    UNKNOWN = "unknown_user"
    UNAVAILABLE = "unavailable"


@dataclass(frozen=True)
class FeatureVector:
    """A value for each feature a model reads, those that had none, and the freshness of each user view."""

    values: Mapping[str, Value]
    missing: tuple[str, ...]
    freshness: Mapping[str, Freshness]


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


def user_views(features: Iterable[BundleFeature]) -> dict[str, list[str]]:
    """The features to look up for a user, by view."""
    views: dict[str, list[str]] = {}
    for feature in features:
        if feature.entity == USER:
            views.setdefault(feature.view, []).append(feature.name)
    return views


def check_profile(features: Iterable[BundleFeature], profile: Mapping[str, Value]) -> None:
    """Refuse a profile that names what the model doesn't read from it, or gives it another type.

    Raises:
        RefusedError: names the field and what would be right (422).
    """
    known = {feature.name: feature for feature in features if _is_profile(feature)}
    for name, value in profile.items():
        if name not in known:
            raise invalid(f"profile.{name[:100]}", f"The model reads no such field; it reads {', '.join(known)}.")
        data_type = known[name].data_type
        if value is not None and type(value) not in ACCEPTED[data_type]:
            raise invalid(f"profile.{name}", f"{str(value)[:100]!r} is {type(value).__name__}; {data_type} is right.")


def assemble(
    features: Iterable[BundleFeature], request: DecideRequest, rows: Mapping[str, StoredRow], moment: int
) -> FeatureVector:
    """The vector of `request` at `moment`, from the `rows` of its user by view; no rows, no user features."""
    features = tuple(features)
    freshness = {feature.view: _freshness(feature, rows, moment) for feature in features if feature.entity == USER}
    rules = {feature.name: feature.rule for feature in features if feature.rule is not None}
    known = {**request.profile, **accumulate(rules, request.events, last_act(request.events, moment))}
    for view, row in rows.items():
        known.update(row.values if freshness[view] is Freshness.FRESH else {})
    values = {feature.name: known.get(feature.name) for feature in features}
    missing = tuple(name for name, value in values.items() if value is None and name not in rules)
    return FeatureVector(values, missing, freshness)


def _is_profile(feature: BundleFeature) -> bool:
    return feature.entity == SESSION and feature.rule is None


def _freshness(feature: BundleFeature, rows: Mapping[str, StoredRow], moment: int) -> Freshness:
    if feature.view not in rows:
        return Freshness.UNAVAILABLE
    feature_at = rows[feature.view].feature_at * SECOND
    if feature_at == 0:
        return Freshness.UNKNOWN
    if feature_at > moment:
        return Freshness.LATER
    return Freshness.STALE if moment - feature_at > feature.ttl_seconds * SECOND else Freshness.FRESH
