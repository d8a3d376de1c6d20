"""The rows of an export that are kept out: each with its reason, and what was decided of it."""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq

from ga4_export import whole
from ga4_export.manifest import SourceFile
from ga4_export.privacy import masked
from ga4_export.rules import rules
from ga4_export.schema import EVENTS

_BATCH = 10_000

OPEN, REPLAYED, DROPPED = "open", "replayed", "dropped"

SCHEMA = pa.schema(
    [
        ("source_file", pa.string()),
        ("file_sha256", pa.string()),
        ("row_no", pa.int64()),
        ("reason_code", pa.string()),
        ("detail", pa.string()),
        ("raw", pa.string()),
        ("first_seen", pa.timestamp("us", "UTC")),
        ("status", pa.string()),
        ("replayed_as", pa.string()),
        ("replayed_at", pa.timestamp("us", "UTC")),
        ("event_key", pa.string()),
    ]
)
"""`row_no` counts from 0; `raw` is the row as JSON, after privacy; `replayed_as` the row that was landed for it,
known since `replayed_at`; `event_key` is of the row before privacy, as those of landed rows are."""


def write(
    connection: duckdb.DuckDBPyConnection, file: Path, day: date, sources: Sequence[SourceFile], now: datetime
) -> None:
    """Write the quarantined rows that were judged in `connection`; what was decided of a row before still holds."""
    decided = {
        (record.reason_code, record.raw): record for record in read(file) if record.is_decided or record.replayed_as
    }
    with whole.written(file) as partial, pq.ParquetWriter(partial, SCHEMA, compression="zstd") as writer:
        for batch in _misfits(connection, day):
            records = [_record(day, row, sources[row["source_no"]], now) for row in batch.to_pylist()]
            kept = [_as_before(record, decided.get((record.reason_code, record.raw))) for record in records]
            writer.write_table(_table(kept))


def read(file: Path) -> tuple["Record", ...]:
    """The records of a day; none where nothing was landed."""
    if not file.is_file():
        return ()
    day = datetime.strptime(file.stem.removeprefix("events_"), "%Y%m%d").date()
    return tuple(Record(day, **record) for record in pq.read_table(file).to_pylist())


def as_json(row: Mapping[str, Any]) -> str:
    """A row of an export as `raw` holds it; numbers that are none are written as Python writes them."""
    return json.dumps({name: row[name] for name in EVENTS.names})


def rewrite(file: Path, records: Sequence["Record"]) -> None:
    """Let the records of a day be `records`."""
    with whole.written(file) as partial:
        pq.write_table(_table(records), partial, compression="zstd")


@dataclass(frozen=True)
class Record:
    """A row that was kept out, and what became of it; see SCHEMA. `row_id` names it to people."""

    day: date
    source_file: str
    file_sha256: str
    row_no: int
    reason_code: str
    detail: str
    raw: str
    first_seen: datetime
    status: str = OPEN
    replayed_as: str | None = None
    replayed_at: datetime | None = None
    event_key: str | None = None

    @property
    def row_id(self) -> str:
        return f"{self.file_sha256[:12]}:{self.row_no}"

    @property
    def is_decided(self) -> bool:
        return self.status != OPEN


def _misfits(connection: duckdb.DuckDBPyConnection, day: date) -> Iterator[pa.RecordBatch]:
    if not connection.sql("select 1 from kept_out where reason_code is not null limit 1").fetchall():
        return
    details = " ".join(f"when '{rule.code}' then {rule.detail}" for rule in rules(day))
    yield from connection.sql(f"""
        with told as (
            select source_no, row_no, reason_code, case reason_code {details} end as detail
            from exported join kept_out using (source_no, row_no)
            where reason_code is not null
        )
        select private.*, reason_code, {masked("detail")} as detail
        from private join told using (source_no, row_no)
        order by source_no, row_no
    """).to_arrow_reader(_BATCH)


def _record(day: date, row: dict[str, Any], source: SourceFile, now: datetime) -> Record:
    return Record(
        day=day,
        source_file=source.name,
        file_sha256=source.sha256,
        row_no=row["row_no"],
        reason_code=row["reason_code"],
        detail=row["detail"],
        raw=as_json(row),
        first_seen=now,
        event_key=row["event_key"],
    )


def _as_before(record: Record, before: Record | None) -> Record:
    """What was dropped stays dropped; what was replayed waits for it again, since its day has just been landed anew."""
    if before is None:
        return record
    status = DROPPED if before.status == DROPPED else OPEN
    return replace(
        record,
        first_seen=before.first_seen,
        status=status,
        replayed_as=before.replayed_as,
        replayed_at=before.replayed_at,
    )


def _table(records: Sequence[Record]) -> pa.Table:
    return pa.Table.from_pylist([{name: getattr(record, name) for name in SCHEMA.names} for record in records], SCHEMA)
