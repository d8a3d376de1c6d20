"""The decisions on record: one durable row before each answer, never changed afterwards but to forget a person.

What is decided together is put on record together: one transaction, one flush to the disk.
"""

import logging
import sqlite3
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from operator import attrgetter
from pathlib import Path
from typing import Any, Self

import msgspec

from ml.bundle import Bundle
from ml.policy import Action, Reason
from serving.requests import DecideRequest, Value

log = logging.getLogger(__name__)

_TABLE = """
create table if not exists decisions (
    decision_id text primary key,
    decided_at integer not null,
    client text not null,
    user_pseudo_id text not null,
    moment integer not null,
    request text not null check (json_valid(request)),
    features text not null check (json_valid(features)),
    feature_status text not null check (json_valid(feature_status)),
    features_missing text not null check (json_valid(features_missing)),
    score real,
    threshold real,
    action text not null,
    reason text not null,
    action_probability real not null,
    model text not null,
    version text,
    digest text
) strict;
"""
_NEVER_UPDATED = """
create trigger if not exists decisions_are_never_updated before update on decisions
begin select raise(abort, 'decisions are never updated'); end;
"""
_NEVER_DELETED = """
create trigger if not exists decisions_are_never_deleted before delete on decisions
begin select raise(abort, 'decisions are never deleted'); end;
"""


class AuditUnavailableError(Exception):
    """The record of decisions can't be written or read now."""


class AuditedDecision(msgspec.Struct, frozen=True):
    """A decision with all that led to it; times are microseconds UTC."""

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


_COLUMNS = AuditedDecision.__struct_fields__
_AS_JSON = ("request", "features", "feature_status", "features_missing")
_values = attrgetter(*_COLUMNS)
_places_of_json = [_COLUMNS.index(name) for name in _AS_JSON]
_encode = msgspec.json.Encoder().encode
_INSERT = f"insert into decisions ({', '.join(_COLUMNS)}) values ({', '.join('?' * len(_COLUMNS))})"
ERASED = "(erased)"
_ERASE = f"""
begin immediate;
drop trigger decisions_are_never_updated;
update decisions
set user_pseudo_id = '{ERASED}', features = '{{}}', feature_status = '{{}}', features_missing = '[]',
    request = json_object('user_pseudo_id', '{ERASED}', 'model', model)
where user_pseudo_id in (select id from temp.erased);
{_NEVER_UPDATED}
commit;
"""
_SELECT = f"select {', '.join(_COLUMNS)} from decisions where decision_id = ?"


class AuditLog:
    """The table `decisions` of an SQLite file; a failed write closes it, and the next one opens it afresh."""

    def __init__(self, file: Path) -> None:
        self.file = file
        self._using = threading.Lock()
        self._connection: sqlite3.Connection | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        with self._using:
            self._close()

    def append(self, decisions: Sequence[AuditedDecision]) -> None:
        """Put all of `decisions` on record; on return they are on the disk.

        Raises:
            AuditUnavailableError: none of them is on record.
        """
        rows = [_row(decision) for decision in decisions]
        with self._connected() as connection:
            connection.execute("begin immediate")
            connection.executemany(_INSERT, rows)
            connection.execute("commit")

    def find(self, decision_id: str) -> AuditedDecision | None:
        """The decision on record under `decision_id`.

        Raises:
            AuditUnavailableError: the record can't be read.
        """
        with self._connected() as connection:
            found = connection.execute(_SELECT, [decision_id]).fetchone()
        return _decision(found) if found else None

    def check(self) -> None:
        """Raises AuditUnavailableError unless a write could begin."""
        with self._connected() as connection:
            connection.executescript("begin immediate; rollback;")

    @contextmanager
    def _connected(self) -> Iterator[sqlite3.Connection]:
        with self._using:
            try:
                if self._connection is None:
                    self._connection = _open(self.file)
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


def erase(file: Path, ids: Sequence[str]) -> int:
    """Blank what describes a user in the decisions about them; returns how many there were.

    The rows stay, since each answer that was given keeps its record: when, by which model, what and how sure.
    """
    if not file.is_file():
        return 0
    with closing(_open(file)) as connection:
        connection.execute("create temp table erased (id text)")
        connection.executemany("insert into erased values (?)", [(user,) for user in ids])
        query = "select count(*) from decisions where user_pseudo_id in (select id from erased)"
        ((decisions,),) = connection.execute(query).fetchall()
        if decisions:
            connection.executescript(_ERASE)
            # deleted bytes stay in the file until it is written anew, and in the log until that is emptied
            connection.executescript("vacuum; pragma wal_checkpoint(truncate);")
    return int(decisions)


def _open(file: Path) -> sqlite3.Connection:
    file.parent.mkdir(parents=True, exist_ok=True)
    connection = sqlite3.connect(file, isolation_level=None, check_same_thread=False)
    connection.execute("pragma journal_mode = wal")
    # In WAL mode only FULL flushes at each commit; less may lose acknowledged rows when the power fails.
    connection.execute("pragma synchronous = full")
    connection.executescript(_TABLE + _NEVER_UPDATED + _NEVER_DELETED)
    return connection


def _row(decision: AuditedDecision) -> list[Any]:
    values = list(_values(decision))
    for place in _places_of_json:
        values[place] = _encode(values[place]).decode()
    return values


def _decision(row: tuple[Any, ...]) -> AuditedDecision:
    columns = dict(zip(_COLUMNS, row, strict=True))
    stated = {name: msgspec.json.decode(value) if name in _AS_JSON else value for name, value in columns.items()}
    return msgspec.convert(stated, AuditedDecision)
