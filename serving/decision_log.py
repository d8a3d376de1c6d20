"""A day of the record as Parquet: what was decided, what a challenger said beside it, and what came of it."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import date, datetime, time, timedelta, tzinfo
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from ga4_export import whole
from serving.audit import AuditedDecision, AuditUnavailableError, connect

PIECE = 5_000
"""Rows that are in memory at once."""

REWARDS = ("shown", "closed", "clicked", "converted")
_MICROSECONDS = timedelta(microseconds=1)
_EPOCH = datetime.fromisoformat("1970-01-01T00:00:00+00:00")
_NUMBERS = {name: pa.int64() for name in ("decided_at", "moment")} | {
    name: pa.float64() for name in ("score", "threshold", "action_probability")
}
_SHADOW = {
    "shadow_version": pa.string(),
    "shadow_digest": pa.string(),
    "shadow_score": pa.float64(),
    "shadow_threshold": pa.float64(),
}
SCHEMA = pa.schema(
    {
        **{name: _NUMBERS.get(name, pa.string()) for name in AuditedDecision.__struct_fields__},
        **_SHADOW,
        **{f"{kind}_at": pa.int64() for kind in REWARDS},
    }
)
"""A row a decision, as it is on record; times are microseconds UTC, those of rewards the first of their kind."""

_DECIDED = ", ".join(f"decisions.{name}" for name in AuditedDecision.__struct_fields__)
_OF_DAY = """
select {decided}, shadow.version, shadow.digest, shadow.score, shadow.threshold, {rewards}
from decisions
left join shadow_scores as shadow on shadow.decision_id = decisions.decision_id
where decisions.moment >= ? and decisions.moment < ?
order by decisions.moment, decisions.decision_id
"""


def export_day(record: Path, day: date, zone: tzinfo, file: Path) -> int:
    """Write the decisions whose moment lies on `day` of `zone` to a Parquet file of SCHEMA; returns how many.

    An absent record holds none.

    Raises:
        AuditUnavailableError: the record can't be read.
    """
    count = 0
    with whole.written(file) as partial, pq.ParquetWriter(partial, SCHEMA) as writer:
        # a file without a piece has no rows, and the schema all the same
        for piece in _pieces(record, day, zone):
            writer.write_batch(piece)
            count += piece.num_rows
    return count


def days_decided(record: Path, zone: tzinfo) -> tuple[date, date] | None:
    """The first and the last day of `zone` on which a moment lies that was decided about; None where none was.

    Raises:
        AuditUnavailableError: the record can't be read.
    """
    if not record.is_file():
        return None
    with _read(record) as connection:
        first, last = connection.execute("select min(moment), max(moment) from decisions").fetchone()
    if first is None:
        return None
    first_day, last_day = ((_EPOCH + moment * _MICROSECONDS).astimezone(zone).date() for moment in (first, last))
    return first_day, last_day


def _pieces(record: Path, day: date, zone: tzinfo) -> Iterator[pa.RecordBatch]:
    if not record.is_file():
        return
    bounds = [_microseconds(day, zone), _microseconds(day + timedelta(days=1), zone)]
    with _read(record) as connection:
        found = connection.execute(_query(connection), bounds)
        while rows := found.fetchmany(PIECE):
            columns = zip(*rows, strict=True)
            arrays = [pa.array(values, field.type) for values, field in zip(columns, SCHEMA, strict=True)]
            yield pa.record_batch(arrays, schema=SCHEMA)


@contextmanager
def _read(record: Path) -> Iterator[sqlite3.Connection]:
    try:
        with closing(connect(record)) as connection:
            yield connection
    except (sqlite3.Error, OSError) as error:
        raise AuditUnavailableError(f"{record} can't be read: {error}.") from error


def _query(connection: sqlite3.Connection) -> str:
    """SQL of a day's rows; rewards are null as long as nobody has sent any."""
    if connection.execute("select 1 from sqlite_master where name = 'rewards'").fetchone() is None:
        return _OF_DAY.format(decided=_DECIDED, rewards=", ".join(["null"] * len(REWARDS)))
    of_kind = (
        f"(select min(at) from rewards where decision_id = decisions.decision_id and kind = '{kind}')"
        for kind in REWARDS
    )
    return _OF_DAY.format(decided=_DECIDED, rewards=", ".join(of_kind))


def _microseconds(day: date, zone: tzinfo) -> int:
    return (datetime.combine(day, time(), zone) - _EPOCH) // _MICROSECONDS
