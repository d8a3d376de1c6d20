"""Judge each row of a day's files: loaded, a duplicate, quarantined, or suppressed.

Everything happens in a DuckDB connection, over files of any size:

- view `exported`: rows in the export schema, with `source_no`, `row_no`, `params_text` and `session_ids`
- table `judged`: a narrow row for each of them
- table `kept_out`: `source_no`, `row_no`, `outcome` and `reason_code` of those that are not loaded
- view `private`: rows as they are stored
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import date, datetime
from pathlib import Path

import duckdb

from ga4_export.erased import Erased
from ga4_export.files import quoted
from ga4_export.identity import FINGERPRINT, PARAMS_TEXT, PLACE
from ga4_export.manifest import SourceFile
from ga4_export.privacy import EMAIL, IS_SUSPECT, PHONE, Privacy
from ga4_export.rules import DATE_MISMATCH, rules
from ga4_export.schema import EVENTS

SIGNALS = {
    "rows_without_user": "user_pseudo_id is null",
    "rows_without_consent": "privacy_info.analytics_storage = 'No'",
    "rows_with_email": f"is_suspect and regexp_matches(params_text, '{EMAIL}')",
    "rows_with_phone": f"is_suspect and regexp_matches(params_text, '{PHONE}')",
    "session_ids_as_text": "len(list_filter(session_ids, lambda param: param.value.string_value is not null)) > 0",
    "session_ids_several": "len(session_ids) > 1 and len(list_distinct(session_ids)) > 1",
}
"""What is counted among rows because somebody may want to know; none of it keeps a row out."""

OUTCOMES = ("loaded", "duplicate", "quarantined", "suppressed")

_KEPT_OUT = """
    create temp table kept_out as
    with fit as (from judged where not is_erased and reason_code is null),
    often as (select event_key from fit group by event_key having count(*) > 1),
    repeated as (from fit semi join often using (event_key))
    select source_no, row_no, 'suppressed' as outcome, null as reason_code from judged where is_erased
    union all
    select source_no, row_no, 'quarantined', reason_code from judged where not is_erased and reason_code is not null
    union all
    select source_no, row_no, 'duplicate', null
    from (select *, row_number() over (partition by event_key order by source_no, row_no) as delivery from repeated)
    where delivery > 1
"""


@contextmanager
def connection() -> Iterator[duckdb.DuckDBPyConnection]:
    """A database of its own for a day, which leaves room for that of another; what does not fit goes to disk."""
    with duckdb.connect() as opened:
        opened.execute("set TimeZone = 'UTC'; set memory_limit = '40%'")
        yield opened


def judge(
    connection: duckdb.DuckDBPyConnection, relations: Sequence[str], day: date, privacy: Privacy, erased: Erased
) -> None:
    """Make the tables and views of this module's description from `relations`, each a query in the export schema.

    Raises:
        duckdb.Error: a file can't be read, or a column holds values of another type.
    """
    numbered = (f"select *, {number} as source_no from ({relation})" for number, relation in enumerate(relations))
    connection.execute(f"""
        create view exported as
        select
            *,
            {IS_SUSPECT} as is_suspect,
            list_filter(event_params, lambda param: param.key = 'ga_session_id') as session_ids
        from (select *, {PARAMS_TEXT} as params_text from ({" union all by name ".join(numbered)}))
    """)
    connection.execute(f"""
        create temp table judged as
        select
            source_no,
            row_no,
            {privacy.event_key(FINGERPRINT)} as event_key,
            is_suspect,
            hash({", ".join(PLACE)}) as place,
            stream_id,
            {erased.condition} as is_erased,
            case {" ".join(f"when {rule.condition} then '{rule.code}'" for rule in rules(day))} end as reason_code,
            {", ".join(f"coalesce({condition}, false) as {name}" for name, condition in SIGNALS.items())}
        from exported
    """)
    connection.execute(_KEPT_OUT)
    connection.execute(f"""
        create view private as
        select {", ".join(EVENTS.names)}, event_key, source_no, row_no
        from (
            select exported.* replace ({privacy.replacements}), judged.event_key
            from (select * exclude (is_suspect) from exported) as exported join judged using (source_no, row_no)
        )
    """)


def counted(connection: duckdb.DuckDBPyConnection, sources: Sequence[SourceFile]) -> tuple[SourceFile, ...]:
    """`sources` with where their rows went."""
    rows = connection.execute("""
        select source_no, coalesce(outcome, 'loaded'), count(*)
        from judged left join kept_out using (source_no, row_no)
        group by all
    """).fetchall()
    counts = {(source_no, outcome): count for source_no, outcome, count in rows}
    return tuple(
        replace(source, **{f"rows_{outcome}": counts.get((number, outcome), 0) for outcome in OUTCOMES})
        for number, source in enumerate(sources)
    )


def misdated(connection: duckdb.DuckDBPyConnection) -> tuple[int, int]:
    """All rows, and those of another day."""
    query = f"select count(*), count(*) filter (where reason_code = '{DATE_MISMATCH}') from judged"
    ((rows, wrong),) = connection.execute(query).fetchall()
    return rows, wrong


def rows_known_at(connection: duckdb.DuckDBPyConnection, landed: Path, at: datetime) -> int:
    """The rows of a landed file that are known from `at` on."""
    query = f"select count(*) from read_parquet({quoted(landed)}) where known_at = $at"
    ((rows,),) = connection.execute(query, {"at": at}).fetchall()
    return int(rows)


def reasons(connection: duckdb.DuckDBPyConnection) -> dict[str, int]:
    """How many rows are quarantined, by reason code."""
    query = "select reason_code, count(*) from kept_out where reason_code is not null group by all order by all"
    return dict(connection.execute(query).fetchall())


def signals(connection: duckdb.DuckDBPyConnection) -> dict[str, int]:
    """SIGNALS counted among the loaded rows, and the rows whose place another row has with other parameters."""
    counted = ", ".join(f"count(*) filter (where {name})" for name in SIGNALS)
    query = (
        f"select {counted}, count(*) - count(distinct place) from judged anti join kept_out using (source_no, row_no)"
    )
    (row,) = connection.execute(query).fetchall()
    return dict(zip([*SIGNALS, "same_place_other_params"], row, strict=True))


def streams(connection: duckdb.DuckDBPyConnection) -> tuple[str, ...]:
    """The data streams that the rows come from."""
    rows = connection.execute("select distinct stream_id from judged where stream_id is not null order by 1").fetchall()
    return tuple(stream for (stream,) in rows)


def parquet_relation(file: Path, columns: str) -> str:
    """A Parquet file as a relation for `judge`; `columns` brings it to the export schema."""
    return f"select {columns}, file_row_number as row_no from read_parquet({quoted(file)}, file_row_number = true)"
