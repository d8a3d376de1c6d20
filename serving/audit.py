"""The decisions on record: one durable row before each answer, never changed afterwards but to forget a person.

What is decided together is put on record together: one transaction, one flush to the disk.
"""

import logging
import sqlite3
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from itertools import chain
from operator import attrgetter
from pathlib import Path
from typing import Any, Self

import msgspec

from ml.bundle import Bundle
from ml.campaigns import Channel
from ml.policy import Action, Reason
from serving.append_only import add_columns, guards
from serving.private import make_private
from serving.requests import DecideRequest, Value

log = logging.getLogger(__name__)

_TABLE = """
create table if not exists decisions (
    decision_id text primary key,
    decided_at integer not null,
    client text not null,
    user_pseudo_id text not null,
    moment integer not null,
    request text not null,
    features text not null,
    feature_status text not null,
    features_missing text not null,
    score real,
    threshold real,
    action text not null,
    reason text not null,
    action_probability real not null,
    model text not null,
    version text,
    digest text,
    campaign text,
    channel text
) strict;
create table if not exists shadow_scores (
    decision_id text primary key references decisions,
    version text not null,
    digest text not null,
    score real,
    threshold real not null
) strict;
"""
_GUARDS = guards("decisions", "decision_id") + guards("shadow_scores", "decision_id")
_DAY = 86_400_000_000


class AuditUnavailableError(Exception):
    """The record of decisions can't be written or read now."""


class AuditedDecision(msgspec.Struct, frozen=True):
    """A decision with all that led to it; times are microseconds UTC. What was shown before channels were has none."""

    decision_id: str
    decided_at: int
    client: str
    user_pseudo_id: str
    moment: int
    request: DecideRequest
    features: Mapping[str, Value]
    feature_status: Mapping[str, str]
    features_missing: Sequence[str]
    score: float | None
    threshold: float | None
    action: Action
    reason: Reason
    action_probability: float
    model: str
    version: str | None
    digest: str | None
    campaign: str | None = None
    channel: Channel | None = None


class ShadowScore(msgspec.Struct, frozen=True):
    """What a challenger said beside a decision of the champion's; the score is None where it gave no probability."""

    decision_id: str
    version: str
    digest: str
    score: float | None
    threshold: float


_COLUMNS = AuditedDecision.__struct_fields__
_AS_JSON = ("request", "features", "feature_status", "features_missing")
_values = attrgetter(*_COLUMNS)
_places_of_json = [_COLUMNS.index(name) for name in _AS_JSON]
_encode = msgspec.json.Encoder().encode
_SHADOW_COLUMNS = ShadowScore.__struct_fields__
_INSERT_SHADOW = f"insert into shadow_scores ({', '.join(_SHADOW_COLUMNS)}) values (?, ?, ?, ?, ?)"
_INSERT = f"insert into decisions ({', '.join(_COLUMNS)}) values "
_MARKS = f"({', '.join('?' * len(_COLUMNS))})"
_AT_ONCE = (64, 16, 4, 1)
"""How many rows a statement inserts. At its end other threads get the interpreter, and keep it for a while."""
_SELECT_SHADOW = f"select {', '.join(_SHADOW_COLUMNS)} from shadow_scores where decision_id = ?"
_LATEST_FIRST = "select decided_at, client, user_pseudo_id, action, channel from decisions order by rowid desc"
_SELECT = f"select {', '.join(_COLUMNS)} from decisions where decision_id = ?"


class AuditLog:
    """The tables `decisions` and `shadow_scores` of an SQLite file.

    A failed write closes it, and the next one opens it afresh.
    """

    def __init__(self, file: Path) -> None:
        self.file = file
        self._using = threading.Lock()
        self._connection: sqlite3.Connection | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        with self._using:
            self._close()

    def append(self, decisions: Sequence[AuditedDecision], shadows: Sequence[ShadowScore] = ()) -> None:
        """Put all of `decisions` on record, and what was said beside them; on return they are on the disk.

        Raises:
            AuditUnavailableError: none of them is on record.
        """
        rows = [_row(decision) for decision in decisions]
        with self.opened() as connection:
            connection.execute("begin immediate")
            _insert(connection, rows)
            if shadows:
                connection.executemany(_INSERT_SHADOW, [msgspec.structs.astuple(shadow) for shadow in shadows])
            connection.execute("commit")

    def find(self, decision_id: str) -> AuditedDecision | None:
        """The decision on record under `decision_id`.

        Raises:
            AuditUnavailableError: the record can't be read.
        """
        with self.opened() as connection:
            found = connection.execute(_SELECT, [decision_id]).fetchone()
        return _decision(found) if found else None

    def find_shadow(self, decision_id: str) -> ShadowScore | None:
        """What a challenger said beside the decision under `decision_id`.

        Raises:
            AuditUnavailableError: the record can't be read.
        """
        with self.opened() as connection:
            found = connection.execute(_SELECT_SHADOW, [decision_id]).fetchone()
        return ShadowScore(*found) if found else None

    def shown_since(self, client: str, instant: int) -> Iterator[str]:
        """The user of each decision of `client` that interrupts, from `instant` on, in microseconds UTC.

        Raises:
            AuditUnavailableError: the record can't be read.
        """
        with self.opened() as connection:
            # rows lie in the order of time, but for a clock set back by a day at most; no index is kept for this alone
            for at, its_client, user, action, channel in connection.execute(_LATEST_FIRST):
                if at < instant - _DAY:
                    break
                if at >= instant and its_client == client and action == Action.SHOW and channel != Channel.EMBED:
                    yield user

    def check(self) -> None:
        """Raises AuditUnavailableError unless a write could begin."""
        with self.opened() as connection:
            # on a file system that has turned read-only, a transaction that writes nothing can begin
            connection.executescript("begin immediate; delete from decisions where false; rollback;")

    @contextmanager
    def opened(self) -> Iterator[sqlite3.Connection]:
        """The file, also for what is kept beside the decisions; what fails in it raises AuditUnavailableError."""
        with self._using:
            try:
                if self._connection is None:
                    self._connection = connect(self.file)
                yield self._connection
            except (sqlite3.Error, OSError) as error:
                self._close()
                log.error("Decisions can't be put on record: %s", error, exc_info=error)
                raise AuditUnavailableError(f"Decisions can't be put on record: {type(error).__name__}.") from error

    def _close(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None


def replay(decision: AuditedDecision, bundle: Bundle) -> float:
    """The score of the features on record, which is the audited one if `bundle` is the audited digest's."""
    return float(bundle.score_rows([decision.features])[0])


def connect(file: Path) -> sqlite3.Connection:
    """A connection to the record, which is made where it isn't there."""
    make_private(file)
    connection = sqlite3.connect(file, isolation_level=None, check_same_thread=False)
    # of pages of 4 KiB, rows of one to two leave a third empty; it counts for a new file
    connection.execute("pragma page_size = 8192")
    connection.execute("pragma journal_mode = wal")
    # In WAL mode only FULL flushes at each commit; less may lose acknowledged rows when the power fails.
    connection.execute("pragma synchronous = full")
    connection.executescript(_TABLE + _GUARDS)
    add_columns(connection, "decisions", "campaign", "channel")
    return connection


def _insert(connection: sqlite3.Connection, rows: Sequence[Sequence[Any]]) -> None:
    done = 0
    for size in _AT_ONCE:
        statement = _INSERT + ", ".join([_MARKS] * size)
        while len(rows) - done >= size:
            connection.execute(statement, list(chain.from_iterable(rows[done : done + size])))
            done += size


def _row(decision: AuditedDecision) -> list[Any]:
    values = list(_values(decision))
    for place in _places_of_json:
        values[place] = _encode(values[place]).decode()
    return values


def _decision(row: tuple[Any, ...]) -> AuditedDecision:
    columns = dict(zip(_COLUMNS, row, strict=True))
    stated = {name: msgspec.json.decode(value) if name in _AS_JSON else value for name, value in columns.items()}
    return msgspec.convert(stated, AuditedDecision)
