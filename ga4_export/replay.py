"""Decide of quarantined rows: drop them, or land them after all, as they are or mended."""

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from itertools import chain
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq

from ga4_export import deliveries, judgement, quarantine, whole
from ga4_export.files import first_line, quoted
from ga4_export.landing import Landing
from ga4_export.listing import ExportError
from ga4_export.quarantine import DROPPED, OPEN, REPLAYED, Record
from ga4_export.recount import recount
from ga4_export.schema import EVENTS

DUPLICATE, SUPPRESSED = "duplicate", "suppressed"


@dataclass(frozen=True)
class Replay:
    """What came of replaying a row; `refused` says why it is still kept out."""

    row_id: str
    day: date
    outcome: str
    refused: str | None = None


def records(landing: Landing, status: str | None = None) -> tuple[Record, ...]:
    """The quarantined rows of all landed days, or those of one status."""
    found = (record for day in landing.landed_days() for record in quarantine.read(landing.quarantine(day)))
    return tuple(record for record in found if status in (None, record.status))


def find(landing: Landing, row_id: str) -> Record:
    """A quarantined row.

    Raises:
        ExportError: there is none of that name.
    """
    for record in records(landing):
        if record.row_id == row_id:
            return record
    raise ExportError(f"Quarantine holds no row {row_id!r}; `tactful quarantine list` tells their names.")


def drop(landing: Landing, record: Record) -> None:
    """Leave a row out for good; it stays on record, and a later delivery of its file does not ask again.

    Raises:
        ExportError: the record has been replayed already.
    """
    if record.status == REPLAYED:
        raise ExportError(f"Row {record.row_id} was replayed before; its day {record.day} holds it.")
    records = _decided(landing, record, [replace(record, status=DROPPED)])
    quarantine.rewrite(landing.quarantine(record.day), records)


def replay(landing: Landing, record: Record, row: dict[str, Any] | None, now: datetime) -> Replay:
    """Land a row that was kept out, mended as `row` or as it is; it is judged as any other.

    Raises:
        ExportError: `row` is no row of an export, the record has been replayed already, or its day is kept otherwise.
    """
    landing.refuse_other_privacy([record.day])
    if record.status == REPLAYED:
        raise ExportError(f"Row {record.row_id} was replayed before; its day {record.day} holds it.")
    told = json.loads(record.raw) if row is None else row
    with judgement.connection() as connection:
        connection.register("replayed", _table(record, told))
        # the row went through privacy when it was kept out, its id too
        privacy = replace(landing.privacy, pseudonym_key=None)
        relation = f"select {', '.join(EVENTS.names)}, 0 as row_no from replayed"
        judgement.judge(connection, [relation], record.day, privacy, landing.erased)
        if reasons := judgement.reasons(connection):
            return Replay(record.row_id, record.day, "quarantined", ", ".join(reasons))
        outcome = _append(connection, landing, record, now)
        (stored,) = connection.sql("from private").to_arrow_table().to_pylist()
    # a row of an erased user leaves nothing behind
    done = replace(record, status=REPLAYED, replayed_as=quarantine.as_json(stored), replayed_at=now)
    records = _decided(landing, record, [] if outcome == SUPPRESSED else [done])
    # the record is closed last: until then, all of this can be done again to the same end
    recount(landing, record.day, records, SUPPRESSED if outcome == SUPPRESSED else DUPLICATE)
    quarantine.rewrite(landing.quarantine(record.day), records)
    return Replay(record.row_id, record.day, outcome)


def resume(landing: Landing, day: date, now: datetime) -> Sequence[Replay]:
    """Replay again what had been replayed of `day` before its files were landed anew."""
    waiting = (record for record in quarantine.read(landing.quarantine(day)) if record.status == OPEN)
    return [
        replay(landing, record, json.loads(record.replayed_as), record.replayed_at or now)
        for record in waiting
        if record.replayed_as
    ]


def _table(record: Record, row: dict[str, Any]) -> pa.Table:
    if unknown := sorted(set(row) - set(EVENTS.names)):
        raise ExportError(f"Row {record.row_id}: {', '.join(unknown)} is no column of a GA4 export.")
    try:
        return pa.Table.from_pylist([row], schema=EVENTS)
    except (ValueError, TypeError, OverflowError) as wrong:
        raise ExportError(f"Row {record.row_id} is no row of a GA4 export: {first_line(wrong)}.") from None


def _append(connection: duckdb.DuckDBPyConnection, landing: Landing, record: Record, now: datetime) -> str:
    """Add the judged row to its day; returns where it went."""
    if connection.sql("select 1 from kept_out").fetchall():
        return SUPPRESSED
    file = landing.events(record.day)
    known_at = deliveries.first(now).known_at
    # a key made here is of a row after privacy; landed keys are of rows before it, as the record's own is
    key = "event_key" if record.event_key is None else quoted(record.event_key)
    connection.execute(f"""
        create temp table added as
        with landed as (select event_key from read_parquet({quoted(file)}))
        select * exclude (source_no, row_no) replace ({key} as event_key),
            {quoted(record.source_file)} as source_file, {known_at} as known_at
        from private where event_key not in (from landed) and {key} not in (from landed)
    """)
    added = connection.sql("from added").to_arrow_table()
    if not len(added):
        return DUPLICATE
    landed = pq.read_table(file)
    with whole.written(file) as partial:
        pq.write_table(pa.concat_tables([landed, added.cast(landed.schema)]), partial, compression="zstd")
    return "loaded"


def _decided(landing: Landing, record: Record, decided: Sequence[Record]) -> Sequence[Record]:
    """The records of a day with `decided` in the place of `record`."""
    kept = [(other,) if other != record else decided for other in quarantine.read(landing.quarantine(record.day))]
    return list(chain.from_iterable(kept))
