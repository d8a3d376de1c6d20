"""When a row was known: at its first delivery, however often it is delivered again."""

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from ga4_export.conform import conform
from ga4_export.files import open_parquet, quoted
from ga4_export.schema import EVENTS

_ROW = f"hash(struct_pack({', '.join(f'{name} := {name}' for name in EVENTS.names)}))"


@dataclass(frozen=True)
class Delivery:
    """A delivery of a day: SQL for when each of its rows was known, over rows as they are stored, and what it joins."""

    at: datetime
    known_at: str
    join: str = ""


def first(at: datetime) -> Delivery:
    """The first delivery of a day."""
    return Delivery(at, _literal(at))


def again(former: Path, at: datetime, is_same: bool) -> Delivery:
    """A delivery over a `former` one: a row that was there is known since then, a new or changed one from now on.

    Rows are compared as they are stored; where the same bytes (`is_same`) are stored in another way, by `event_key`.
    """
    if is_same:
        stored, digest = f"read_parquet({quoted(former)})", "event_key"
    else:
        columns = conform(open_parquet(former).schema_arrow)
        stored = f"(select {columns}, event_key, known_at from read_parquet({quoted(former)}))"
        digest = _ROW
    earlier = f"select {digest} as digest, min(known_at) as known_at from {stored} group by 1"
    return Delivery(
        at,
        known_at=f"coalesce(former.known_at, {_literal(at)})",
        join=f"left join ({earlier}) as former on former.digest = {digest.replace('event_key', 'private.event_key')}",
    )


def _literal(at: datetime) -> str:
    return f"timestamptz '{at.isoformat()}'"
