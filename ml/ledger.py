"""The ledger of champions: every move of a model's alias, who asked for it and why; appended to, never changed."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, fields, replace
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any
from uuid import uuid4

from sqlalchemy import (
    JSON,
    BigInteger,
    Column,
    DateTime,
    Integer,
    MetaData,
    String,
    Table,
    UniqueConstraint,
    insert,
    inspect,
    select,
)

from ml import append_only
from ml.append_only import engine

# any number that no other program of the database takes
_POSTGRES_LOCK = 0x7AC7_F01


class Kind(StrEnum):
    """What a move is; `found` is one that somebody made elsewhere, seen afterwards."""

    PROMOTE = "promote"
    ROLLBACK = "rollback"
    RETIRE = "retire"
    FOUND = "found"


class State(StrEnum):
    """How far a move is: each state is a row of its own."""

    INTENDED = "intended"
    DONE = "done"
    ABANDONED = "abandoned"


@dataclass(frozen=True)
class Move:
    """A model's champion moves from one version to another at an instant, UTC; no version is nobody.

    `asked_by` is who or what asked for it, `evidence` holds figures as JSON values.
    """

    model: str
    kind: Kind
    state: State
    from_version: str | None
    from_digest: str | None
    to_version: str | None
    to_digest: str | None
    asked_by: str
    reason: str
    evidence: Mapping[str, Any] = field(default_factory=dict)
    at: datetime = field(default_factory=lambda: datetime.now(UTC))
    move_id: str = field(default_factory=lambda: uuid4().hex)

    def __str__(self) -> str:
        versions = f"{self.from_version or 'nobody'} to {self.to_version or 'nobody'}"
        return f"{self.kind} of {self.model} from {versions}, asked by {self.asked_by}: {self.reason}"


_METADATA = MetaData()
_MOVES = Table(
    "champion_moves",
    _METADATA,
    Column("row_id", BigInteger().with_variant(Integer, "sqlite"), primary_key=True),
    Column("move_id", String, nullable=False),
    Column("state", String, nullable=False),
    Column("at", DateTime, nullable=False, comment="UTC"),
    Column("model", String, nullable=False, index=True),
    Column("kind", String, nullable=False),
    Column("from_version", String),
    Column("from_digest", String),
    Column("to_version", String),
    Column("to_digest", String),
    Column("asked_by", String, nullable=False),
    Column("reason", String, nullable=False),
    Column("evidence", JSON, nullable=False),
    UniqueConstraint("move_id", "state"),
)


@dataclass(frozen=True)
class Ledger:
    """The ledger in the database at an SQLAlchemy URL, SQLite or Postgres; made where it is missing."""

    url: str = field(repr=False)

    @contextmanager
    def turn(self) -> Iterator[None]:
        """While the block runs, no other process moves a champion; the system ends the turn of one that dies."""
        with append_only.turn(self.url, _MOVES, _POSTGRES_LOCK):
            yield

    def append(self, move: Move) -> Move:
        """Put a move on record, for good; returns it."""
        values = {each.name: getattr(move, each.name) for each in fields(move)}
        with engine(self.url).begin() as connection:
            connection.execute(insert(_MOVES).values({**values, "at": _as_stored(move.at)}))
        return move

    def settle(self, move: Move, state: State) -> Move:
        """Put on record how a move ended that was intended; its instant stays that of the intention."""
        return self.append(replace(move, state=state))

    def moves(self, model: str) -> Sequence[Move]:
        """The moves of a model that were made, the earliest first."""
        return self._read(model, State.DONE)

    def unsettled(self, model: str) -> Sequence[Move]:
        """The moves of a model that were begun, and of which nobody has said how they ended."""
        ended = {move.move_id for state in (State.DONE, State.ABANDONED) for move in self._read(model, state)}
        return [move for move in self._read(model, State.INTENDED) if move.move_id not in ended]

    def live_at(self, model: str, instant: datetime) -> Move | None:
        """The move by which whoever was champion at an instant had become it; None before the first one."""
        return next((move for move in reversed(self.moves(model)) if move.at <= instant), None)

    def predecessor(self, model: str) -> str | None:
        """The version that the champion took over from, by all moves; rolling back goes one step down each time."""
        line: list[str] = []
        for move in self.moves(model):
            if move.kind is Kind.ROLLBACK:
                while line and line[-1] != move.to_version:
                    line.pop()
            elif move.to_version is not None and move.to_version not in line[-1:]:
                line.append(move.to_version)
        return line[-2] if len(line) > 1 else None

    def _read(self, model: str, state: State) -> Sequence[Move]:
        asked = select(_MOVES).where(_MOVES.c.model == model, _MOVES.c.state == state).order_by(_MOVES.c.row_id)
        with engine(self.url).connect() as connection:
            if not inspect(connection).has_table(_MOVES.name):
                return []
            return [_move(row) for row in connection.execute(asked).mappings()]


def _as_stored(instant: datetime) -> datetime:
    return instant.astimezone(UTC).replace(tzinfo=None)


def _move(row: Mapping[Any, Any]) -> Move:
    values = {each.name: row[each.name] for each in fields(Move)}
    stated = {"kind": Kind(row["kind"]), "state": State(row["state"]), "at": row["at"].replace(tzinfo=UTC)}
    return Move(**{**values, **stated})
