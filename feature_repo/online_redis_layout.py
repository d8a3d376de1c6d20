"""Where Feast's Redis online store keeps a row: in an entity's hash, a field for each feature and for a view's time."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from feast import FeatureView, RepoConfig

TIME_FIELD = b"_ts:"


def hash_key(config: "RepoConfig", key: bytes) -> bytes:
    """The key of the hash of a serialised entity key."""
    project: bytes = config.project.encode()
    return key + project


def name_of(config: "RepoConfig", view: "FeatureView") -> str:
    """The name by which the fields of a view go."""
    from feast.infra.online_stores.helpers import compute_versioned_name

    name: str = compute_versioned_name(view, config.registry.enable_online_feature_view_versioning)
    return name


def time_field(name: str) -> bytes:
    """The field of the time of the view `name`."""
    return TIME_FIELD + name.encode()


def feature_fields(name: str, features: Sequence[str]) -> list[bytes]:
    """The fields of features of the view `name`."""
    from feast.infra.online_stores.helpers import _mmh3

    return [_mmh3(f"{name}:{feature}") for feature in features]
