"""Which rows of an export are kept out, and why."""

import json
from datetime import UTC, date, datetime, time, timedelta

import pyarrow as pa
import pyarrow.compute as pc

DATE_MISMATCH = "E_DATE_MISMATCH"
TIMESTAMP_RANGE = "E_TS_RANGE"
ID_INVALID = "E_ID_INVALID"
NAME_INVALID = "E_NAME_INVALID"

MAX_ID_LENGTH = 128
MAX_NAME_LENGTH = 40
_MICROSECOND = timedelta(microseconds=1)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

SCHEMA = pa.schema(
    [
        ("source_file", pa.string()),
        ("file_sha256", pa.string()),
        ("row_no", pa.int64()),
        ("reason_code", pa.string()),
        ("detail", pa.string()),
        ("raw", pa.string()),
    ]
)


def split(table: pa.Table, day: date, source_file: str, sha256: str, first_row: int) -> tuple[pa.Table, pa.Table]:
    """The rows of `table` that fit `day`, and a quarantine record for each of the others; `row_no` counts from 0."""
    codes = _reason_codes(table, day)
    is_misfit = codes.is_valid()
    misfits = table.filter(is_misfit)
    rows = misfits.to_pylist()
    reasons = codes.drop_null().to_pylist()
    numbers = [first_row + row.as_py() for row in pc.indices_nonzero(is_misfit)]
    records = [
        {
            "source_file": source_file,
            "file_sha256": sha256,
            "row_no": number,
            "reason_code": reason,
            "detail": _detail(reason, row, day),
            "raw": json.dumps(row),
        }
        for number, reason, row in zip(numbers, reasons, rows, strict=True)
    ]
    return table.filter(pc.invert(is_misfit)), pa.Table.from_pylist(records, schema=SCHEMA)


def _reason_codes(table: pa.Table, day: date) -> pa.Array:
    """A reason code for each row, null for a row that fits; the first reason that holds is given."""
    name = table.column("event_name")
    user = table.column("user_pseudo_id")
    timestamp = table.column("event_timestamp")
    earliest, latest = _plausible(day)
    return pc.case_when(
        pc.make_struct(
            _true(pc.equal(table.column("event_date"), f"{day:%Y%m%d}"), negate=True),
            _true(pc.and_(pc.greater_equal(timestamp, earliest), pc.less(timestamp, latest)), negate=True),
            _true(_unfit_text(user, MAX_ID_LENGTH)),
            _true(pc.or_kleene(pc.is_null(name), _unfit_text(name, MAX_NAME_LENGTH))),
        ),
        *(pa.scalar(code) for code in (DATE_MISMATCH, TIMESTAMP_RANGE, ID_INVALID, NAME_INVALID)),
    )


def _plausible(day: date) -> tuple[int, int]:
    """The microseconds between which a day's events lie in any time zone, a day of clock skew allowed on each side."""
    midnight = datetime.combine(day, time(), UTC)
    return tuple((midnight + timedelta(days=days) - _EPOCH) // _MICROSECOND for days in (-2, 3))  # type: ignore[return-value]


def _unfit_text(text: pa.ChunkedArray, longest: int) -> pa.ChunkedArray:
    is_blank = pc.equal(pc.utf8_length(pc.utf8_trim_whitespace(text)), 0)
    is_long = pc.greater(pc.utf8_length(text), longest)
    return pc.or_(pc.or_(is_blank, is_long), pc.match_substring(text, "\0"))


def _true(condition: pa.ChunkedArray, *, negate: bool = False) -> pa.ChunkedArray:
    """`condition` with null read as false, or its opposite."""
    known = pc.fill_null(condition, False)
    return pc.invert(known) if negate else known


def _detail(reason: str, row: dict[str, object], day: date) -> str:
    return {
        DATE_MISMATCH: f"event_date is {row['event_date']!r}; the file is of {day:%Y%m%d}",
        TIMESTAMP_RANGE: f"event_timestamp is {row['event_timestamp']}; microseconds UTC near {day} are needed",
        ID_INVALID: f"user_pseudo_id is blank, longer than {MAX_ID_LENGTH} or holds NUL",
        NAME_INVALID: f"event_name is blank or longer than {MAX_NAME_LENGTH}",
    }[reason]
