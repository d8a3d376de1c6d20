"""Guarded writes into the tables of Feast's SQLite online store, and reads of many entities at once.

Feast keeps a row for each entity and feature, and its times in whole seconds, as its reader needs them: of two writes
of an entity within one second the later wins.
"""

import sqlite3
import threading
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from feature_repo.contract import Column
from feature_repo.online_rows import OnlineRows, OnlineWriteError, deserialise, serialise
from feature_repo.stored_rows import Scalar, StoredRows

if TYPE_CHECKING:
    from feast import FeatureView, RepoConfig

LONG_AGO = -(2**62)
WAIT_SECONDS = 60
CACHE_KIBIBYTES = 65_536


@dataclass(frozen=True)
class SqliteWriter:
    """Feast's SQLite online store, as its configuration describes it; a lock on it is waited for `patience` seconds."""

    config: "RepoConfig"
    patience: float = WAIT_SECONDS

    def __post_init__(self) -> None:
        stated = self.config.online_store
        if stated.vector_enabled or stated.enable_openai_compatible_store:
            raise OnlineWriteError(
                "The SQLite online store has vector_enabled or enable_openai_compatible_store set; leave both out."
            )

    def write(self, view: "FeatureView", features: Sequence[Column], chunks: Iterable[OnlineRows]) -> int:
        """Write each chunk in a transaction of its own; returns how many rows were not outdated."""
        statement = _upsert(self._table(view), features)
        prune = _prune(self._table(view), features)
        written = 0
        with self._connected() as connection:
            for chunk in chunks:
                with connection:
                    connection.execute("begin immediate")
                    connection.executemany(prune, ((key,) for key in chunk.keys))
                    updated = connection.executemany(statement, _parameters(features, chunk)).rowcount
                written += updated // len(features)
        return written

    def clear(self, view: "FeatureView", _: Sequence[Column]) -> None:
        """Remove all rows of a view."""
        with self._connected() as connection:
            connection.execute(f"delete from {_quoted(self._table(view))}")

    def delete(self, views: Iterable["FeatureView"], key: bytes) -> int:
        """Remove the rows of one entity key; returns how many views held one."""
        with self._connected() as connection, connection:
            connection.execute("begin immediate")
            present = {name for (name,) in connection.execute("select name from sqlite_master where type = 'table'")}
            tables = {self._table(view) for view in views} & present
            return sum(
                connection.execute(f"delete from {_quoted(table)} where entity_key = ?", (key,)).rowcount > 0
                for table in tables
            )

    def _table(self, view: "FeatureView") -> str:
        return _table(self.config, view)

    @contextmanager
    def _connected(self) -> Iterator[sqlite3.Connection]:
        with closing(sqlite3.connect(_path(self.config), timeout=self.patience, isolation_level=None)) as connection:
            # A chunk that outgrows the cache would lock readers out until its commit.
            connection.execute(f"pragma cache_size = -{CACHE_KIBIBYTES}")
            yield connection


class SqliteReader:
    """Reads features of some views, through a connection for each thread that asks.

    Writers' locks are waited for at most `patience` seconds.
    """

    def __init__(self, config: "RepoConfig", views: Mapping["FeatureView", Sequence[str]], patience: float) -> None:
        self._views = {view.name: (_quoted(_table(config, view)), names) for view, names in views.items()}
        self._address = f"{Path(_path(config)).absolute().as_uri()}?mode=rw"
        self._patience = patience / max(1, len(views))
        self._opened = threading.local()

    def read(self, keys: Sequence[bytes]) -> dict[str, StoredRows]:
        try:
            return {view: self._read(table, names, keys) for view, (table, names) in self._views.items()}
        except sqlite3.Error:
            # the file may have gone, or another come in its place
            if connection := self._opened.__dict__.pop("connection", None):
                connection.close()
            raise

    def read_at_once(self, keys: Sequence[bytes]) -> dict[str, StoredRows] | None:
        return self.read(keys)

    def _read(self, table: str, names: Sequence[str], keys: Sequence[bytes]) -> StoredRows:
        query = f"select entity_key, feature_name, value, event_ts from {table} where entity_key in ({_marks(keys)})"
        found: dict[bytes, dict[str, bytes]] = {key: {} for key in keys}
        times = dict.fromkeys(found, 0)
        for key, name, value, time in self._connection().execute(query, keys):
            found[key][name] = value
            times[key] = time
        rows = [found[key] for key in keys]
        columns = {name: deserialise([row.get(name) for row in rows]) for name in names}
        return StoredRows(columns, [times[key] for key in keys])

    def _connection(self) -> sqlite3.Connection:
        if not hasattr(self._opened, "connection"):
            self._opened.connection = sqlite3.connect(self._address, timeout=self._patience, uri=True)
        connection: sqlite3.Connection = self._opened.connection
        return connection


def _path(config: "RepoConfig") -> str:
    from feast.infra.online_stores.sqlite import SqliteOnlineStore

    path: str = SqliteOnlineStore._get_db_path(config)
    return path


def _table(config: "RepoConfig", view: "FeatureView") -> str:
    from feast.infra.online_stores.helpers import compute_table_id

    name: str = compute_table_id(config.project, view, config.registry.enable_online_feature_view_versioning)
    return name


def _marks(values: Sequence[bytes]) -> str:
    return ", ".join("?" * len(values))


def _upsert(table: str, features: Sequence[Column]) -> str:
    """One statement for all features of an entity, so that its row arrives whole or not at all."""
    values = ", ".join(f"({_literal(column.name)}, ?, ?)" for column in features)
    return f"""
        insert into {_quoted(table)} (entity_key, event_ts, created_ts, feature_name, value, value_text)
        select ?1, ?2, ?3, column1, column2, column3
        from (values {values})
        where not exists (
            select 1 from {_quoted(table)}
            where entity_key = ?1 and (event_ts, coalesce(created_ts, {LONG_AGO})) > (?2, ?3)
        )
        on conflict (entity_key, feature_name) do update set
            value = excluded.value, value_text = excluded.value_text,
            event_ts = excluded.event_ts, created_ts = excluded.created_ts
    """


def _prune(table: str, features: Sequence[Column]) -> str:
    """What the contract no longer names; Feast would take an entity's time from it."""
    names = ", ".join(_literal(column.name) for column in features)
    return f"delete from {_quoted(table)} where entity_key = ? and feature_name not in ({names})"


def _parameters(features: Sequence[Column], rows: OnlineRows) -> Iterator[tuple[Any, ...]]:
    from feast.infra.online_stores.sqlite import adapt_datetime_epoch

    epoch = cache(adapt_datetime_epoch)
    columns: list[Iterable[Any]] = []
    for feature, values in zip(features, rows.columns, strict=True):
        columns += serialise(values, feature.data_type), map(_text, values)
    clocks = map(epoch, rows.feature_at), map(epoch, rows.known_at)
    return zip(rows.keys, *clocks, *columns, strict=True)


def _text(value: Scalar | None) -> str | None:
    return None if value is None else str(value)


def _quoted(identifier: str) -> str:
    return '"' + identifier.replace('"', '""') + '"'


def _literal(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"
