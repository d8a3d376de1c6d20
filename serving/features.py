"""What the feature store knows of a visitor, read online through Feast."""

import sqlite3
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from serving.requests import Value

if TYPE_CHECKING:
    from feast import FeatureStore

JOIN_KEY = "user_pseudo_id"


class FeaturesUnavailableError(Exception):
    """The feature store can't be read now."""


@dataclass(frozen=True)
class StoredRow:
    """A view's row of a user and the second since 1970, UTC, from which it holds; 0 for an unknown user."""

    values: Mapping[str, Value]
    feature_at: int


class OnlineFeatures(Protocol):
    """Where the features of users are looked up."""

    def read(self, user_pseudo_id: str, views: Mapping[str, Sequence[str]]) -> Mapping[str, StoredRow]:
        """One row for each view of `views`, which names the features to read.

        Raises:
            FeaturesUnavailableError: the store can't be read.
        """
        ...


class FeastFeatures:
    """The online store of a Feast repository, opened by the first read; importing Feast takes seconds."""

    def __init__(self, open_store: Callable[[], "FeatureStore"]) -> None:
        self.open_store = open_store
        self._opening = threading.Lock()
        self._store: FeatureStore | None = None

    def read(self, user_pseudo_id: str, views: Mapping[str, Sequence[str]]) -> Mapping[str, StoredRow]:
        if not views:
            return {}
        references = [f"{view}:{name}" for view, names in views.items() for name in names]
        found = self._lookup(user_pseudo_id, references)
        return {view: _row(view, names, found) for view, names in views.items()}

    def _lookup(self, user_pseudo_id: str, references: list[str]) -> Mapping[str, list[Any]]:
        from feast.errors import FeastError
        from google.protobuf.message import DecodeError  # type: ignore[import-untyped]
        from redis.exceptions import RedisError

        try:
            answer = self._opened().get_online_features(
                references, [{JOIN_KEY: user_pseudo_id}], full_feature_names=True
            )
        # Feast raises KeyError for a feature that its view lacks, and DecodeError for a damaged registry.
        except (OSError, sqlite3.Error, FeastError, RedisError, DecodeError, KeyError) as error:
            raise FeaturesUnavailableError(f"The feature store can't be read: {type(error).__name__}.") from error
        found: Mapping[str, list[Any]] = answer.to_dict(include_event_timestamps=True)
        return found

    def _opened(self) -> "FeatureStore":
        with self._opening:
            if self._store is None:
                self._store = self.open_store()
            return self._store


def _row(view: str, names: Sequence[str], found: Mapping[str, list[Any]]) -> StoredRow:
    values = {name: found[f"{view}__{name}"][0] for name in names}
    return StoredRow(values, feature_at=found[f"{view}__{names[0]}__ts"][0])
