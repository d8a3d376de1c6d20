"""What the feature store knows of visitors, read online from where Feast keeps it."""

import sqlite3
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Protocol

from feature_repo.stored_rows import OnlineReader, StoredRows

if TYPE_CHECKING:
    from feast import FeatureStore

JOIN_KEY = "user_pseudo_id"

Views = Mapping[str, Mapping[str, str]]
"""The features to read with their types, by the view that holds them."""

_Asked = tuple[tuple[str, tuple[tuple[str, str], ...]], ...]

ERASING_PATIENCE = 5.0
"""Seconds for which whoever has a user erased may wait for the store."""


class FeaturesUnavailableError(Exception):
    """The feature store can't be used now."""


class UnknownFeaturesError(FeaturesUnavailableError):
    """The store can be read, but holds no such features, or others of their name."""


class OnlineFeatures(Protocol):
    """Where the features of users are looked up."""

    def read(self, users: Sequence[str], views: Views) -> Mapping[str, StoredRows]:
        """The rows of `users`, one at least, by view.

        Raises:
            FeaturesUnavailableError: the store can't be read.
        """
        ...

    def erase(self, user: str) -> None:
        """Remove the rows of `user` from all views.

        Raises:
            FeaturesUnavailableError: the store can't be written to.
        """
        ...


class FeatureStoreReader(OnlineFeatures, Protocol):
    """A store that can tell whether a look-up would have to open something first."""

    def read_at_once(self, users: Sequence[str], views: Views) -> Mapping[str, StoredRows] | None:
        """The same within the store's patience; None where something has to be opened first, which may take longer."""
        ...


class FeastFeatures:
    """The online store of a Feast repository, opened by the first read; importing Feast takes seconds.

    What is open answers within `patience` seconds, or is taken for one that doesn't.
    """

    def __init__(self, open_store: Callable[[], "FeatureStore"], patience: float = 1.0) -> None:
        self.open_store = open_store
        self.patience = patience
        self._opening = threading.Lock()
        self._store: FeatureStore | None = None
        # keys, fields and tables are worked out once for each model's features
        self._readers: dict[_Asked, OnlineReader] = {}

    def read(self, users: Sequence[str], views: Views) -> Mapping[str, StoredRows]:
        if not views:
            return {}
        from feature_repo.online_rows import entity_keys

        with _told("read"):
            store, reader = self._opened(views)
            return reader.read(entity_keys(JOIN_KEY, users, store.config.entity_key_serialization_version))

    def read_at_once(self, users: Sequence[str], views: Views) -> Mapping[str, StoredRows] | None:
        reader = self._readers.get(_asked(views))
        if reader is None or self._store is None:
            return None
        from feature_repo.online_rows import entity_keys

        with _told("read"):
            return reader.read_at_once(
                entity_keys(JOIN_KEY, users, self._store.config.entity_key_serialization_version)
            )

    def erase(self, user: str) -> None:
        from feature_repo.online import delete

        with _told("written to"):
            with self._opening:
                store = self._open()
            delete(store, JOIN_KEY, user, ERASING_PATIENCE)

    def _opened(self, views: Views) -> "tuple[FeatureStore, OnlineReader]":
        from feature_repo.online import open_reader, refuse_other_types

        asked = _asked(views)
        with self._opening:
            store = self._open()
            if asked not in self._readers:
                names = {view: list(types) for view, types in views.items()}
                reader = open_reader(store, names, self.patience)
                refuse_other_types(store, views)
                self._readers[asked] = reader
            return store, self._readers[asked]

    def _open(self) -> "FeatureStore":
        if self._store is None:
            self._store = self.open_store()
        return self._store


def _asked(views: Views) -> _Asked:
    return tuple((view, tuple(types.items())) for view, types in views.items())


@contextmanager
def _told(done: str) -> Iterator[None]:
    """Tell in the service's words that the store can't be `done`, as whatever lies below tells in its own."""
    try:
        yield
    except Exception as error:
        unknown, unavailable = _errors()
        if isinstance(error, unknown):
            raise UnknownFeaturesError(f"The feature store can't be {done}: {error}") from error
        if isinstance(error, unavailable):
            raise FeaturesUnavailableError(f"The feature store can't be {done}: {type(error).__name__}.") from error
        raise


def _errors() -> tuple[tuple[type[Exception], ...], tuple[type[Exception], ...]]:
    """What is raised where a store holds other features, and where it can't be used; importing these takes seconds."""
    from feast.errors import FeastError, FeatureViewNotFoundException
    from google.protobuf.message import DecodeError  # type: ignore[import-untyped]
    from redis.exceptions import RedisError

    from feature_repo.online import OnlineReadError
    from feature_repo.online_rows import OnlineWriteError

    unknown = FeatureViewNotFoundException, OnlineReadError, OnlineWriteError
    # Feast raises DecodeError for a damaged registry.
    return unknown, (OSError, sqlite3.Error, FeastError, RedisError, DecodeError)
