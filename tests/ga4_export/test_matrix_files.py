"""Files that are missing, damaged or another's: rows of docs/bad_exports.md."""

import os
import re
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pyarrow as pa
import pytest

from ga4_export.days import built_days, changed_days, land_days, refused_days
from ga4_export.landing import Landing
from ga4_export.listing import ExportError, list_days
from ga4_export.schema import EVENTS
from ga4_export.sizes import shrunken_days, sizes
from tests.conftest import PROJECT
from tests.ga4_export.conftest import DAY, NOON, NOW, event
from tests.ga4_export.matrix import A_DAY, events_of, good, landed_rows, quarantined, row

Write = Callable[..., Path]


def _refusal(landing: Landing, file: Path) -> ExportError:
    """Why a file can not be landed; it stays as it is, and nothing of it is landed."""
    before = file.read_bytes()
    with pytest.raises(ExportError) as refused:
        landing.land(DAY, [file], NOW)
    assert file.read_bytes() == before
    assert not landing.events(DAY).exists()
    assert landing.landed(DAY) is None
    return refused.value


@row("G01")
def test_a_gap_refuses_its_own_day_until_it_comes(row: str, landing: Landing, write: Write) -> None:
    for day in (DAY, DAY + 2 * A_DAY):
        folder = events_of(day, write, 2).parent
    days = [DAY, DAY + A_DAY, DAY + 2 * A_DAY]

    outcome = land_days(landing, list_days(folder), days, NOW)

    assert [day.rows_loaded for day in outcome.days] == [2, 2]
    (refused,) = refused_days(landing)
    assert (refused.day, refused.code) == (str(DAY + A_DAY), "E_GA4_DAY_MISSING")
    events_of(DAY + A_DAY, write, 2)
    assert len(land_days(landing, list_days(folder), days, NOW).days) == 3
    assert refused_days(landing) == ()


@row("G02")
def test_a_day_without_rows_is_refused_until_it_has_some_also_where_it_was_landed_before(
    row: str, landing: Landing, write: Write
) -> None:
    days = [DAY + n * A_DAY for n in range(8)]
    for day in days:
        landing.land(day, [file := events_of(day, write, 0 if day == days[-1] else 4)], NOW)
    exported = list_days(file.parent)

    assert land_days(landing, exported, days, NOW).counts["days"] == 7

    first, *_, last = sizes(landing, days)
    assert (first.usual, first.share) == (None, 1.0)
    assert (last.rows, last.usual, last.share) == (0, 4, 0.0)
    (refused,) = refused_days(landing)
    assert (refused.day, refused.code) == (str(days[-1]), "E_GA4_DAY_SHRUNKEN")
    assert refused.detail == f"Day {days[-1]} has 0 rows; 4 are usual: is it an empty table, or half an upload?"
    assert built_days(landing, days) == tuple(days[:-1])
    events_of(days[-1], write, 3)
    assert land_days(landing, exported, days, NOW).refused == ()
    assert built_days(landing, days) == tuple(days)


@row("G02")
def test_a_day_is_measured_by_the_week_before_it_as_exported_or_else_as_landed(
    row: str, landing: Landing, write: Write
) -> None:
    first, second = (events_of(DAY + n * A_DAY, write, 4 * (1 - n)) for n in (0, 1))
    exported = list_days(first.parent)

    assert list(shrunken_days(exported, exported)) == [DAY + A_DAY]
    assert shrunken_days(exported, [DAY]) == {}
    alone = {DAY + A_DAY: [second]}
    assert shrunken_days(alone, alone, landing) == {}
    landing.land(DAY, [first], NOW)
    assert list(shrunken_days(alone, alone, landing)) == [DAY + A_DAY]


@row("G09")
def test_the_tables_of_a_day_are_never_added_up(row: str, landing: Landing, write: Write) -> None:
    for kind in ("events_", "events_fresh_", "events_intraday_"):
        folder = write(event(event_name=kind), name=f"{kind}20260105.parquet").parent

    landing.land(DAY, list_days(folder)[DAY], NOW)

    assert [found["event_name"] for found in landed_rows(landing)] == ["events_"]


@row("G19", "G20")
def test_what_google_adds_is_left_out_and_told(row: str, landing: Landing, write: Write) -> None:
    geo = pa.struct([*EVENTS.field("geo").type, ("planet", pa.string())])
    schema = EVENTS.append(pa.field("brand_new", pa.string())).set(EVENTS.get_field_index("geo"), pa.field("geo", geo))

    landed = landing.land(
        DAY, [write(event(brand_new="x", geo={"city": "Łódź", "planet": "Mars"}), schema=schema)], NOW
    )

    assert landed.columns_unknown == ("brand_new", "geo.planet")
    assert landed_rows(landing)[0]["geo"]["city"] == "Łódź"


@row("G21")
def test_a_required_column_that_is_missing_refuses_the_file(row: str, landing: Landing, write: Write) -> None:
    schema = EVENTS.remove(EVENTS.get_field_index("event_name"))

    refused = _refusal(landing, write({"event_date": "20260105"}, schema=schema))

    assert refused.code == "E_SCHEMA_MISSING_COLUMN"
    assert "lacks the columns event_name" in str(refused)


@row("G22")
def test_a_column_of_another_type_refuses_the_file(row: str, landing: Landing, write: Write) -> None:
    schema = EVENTS.set(EVENTS.get_field_index("event_timestamp"), pa.field("event_timestamp", pa.string()))

    refused = _refusal(landing, write(event(event_timestamp=str(NOON)), schema=schema))

    assert refused.code == "E_SCHEMA_TYPE"
    assert "event_timestamp has type string; the GA4 export has int64" in str(refused)


def _damages() -> Iterator[tuple[str, Callable[[bytes], bytes]]]:
    yield "G23", lambda content: content[: len(content) // 2]
    yield "G24", lambda _: b""
    yield "G24", lambda _: b"<html>Not found</html>"


@pytest.mark.parametrize(("row", "damage"), _damages())
def test_a_damaged_file_refuses_its_day_alone(
    row: str, damage: Callable[[bytes], bytes], landing: Landing, write: Write
) -> None:
    file, other = events_of(DAY, write, 3), DAY + A_DAY
    events_of(other, write, 3)
    file.write_bytes(damage(file.read_bytes()))

    outcome = land_days(landing, list_days(file.parent), [DAY, other], NOW)

    assert [(refused.day, refused.code) for refused in outcome.refused] == [(str(DAY), "E_FILE_DAMAGED")]
    assert [day.day for day in outcome.days] == [str(other)]


@row("G25")
def test_a_flipped_byte_is_noticed_by_the_digest(row: str, landing: Landing, write: Write) -> None:
    file = write(*good(500))
    landing.land(DAY, [file], NOW)
    content = bytearray(file.read_bytes())
    content[len(content) // 3] ^= 1
    file.write_bytes(content)
    os.utime(file)

    assert changed_days(landing, list_days(file.parent)) == (DAY,)


@row("G26")
def test_a_file_still_being_written_is_not_looked_at(row: str, write: Write) -> None:
    file = write(event())
    for name in ("events_20260106.parquet.tmp", "events_20260106.parquet.partial", ".events_20260106.parquet.x1"):
        shutil.copy(file, file.with_name(name))

    assert list(list_days(file.parent)) == [DAY]


@row("G27")
def test_another_property_s_file_is_refused(row: str, landing: Landing, write: Write) -> None:
    landing.land(DAY, [write(event(stream_id="111"))], NOW)
    day = DAY + A_DAY
    file = write(event(event_date=f"{day:%Y%m%d}", event_timestamp=NOON + 86_400_000_000, stream_id="222"))

    with pytest.raises(ExportError, match="streams 222; those of 2026-01-05 are 111") as refused:
        landing.land(day, [file], NOW)

    assert refused.value.code == "E_STREAM_MISMATCH"
    assert landing.landed(day) is None


@row("G28")
def test_few_misdated_rows_are_kept_out_and_many_refuse_the_file(row: str, landing: Landing, write: Write) -> None:
    misdated = event(event_date="20260104")
    assert _refusal(landing, write(*good(900), misdated)).code == "E_DATE_MISMATCH"

    landed = landing.land(DAY, [write(*good(1_000), misdated)], NOW)

    assert (landed.rows_loaded, [found["reason_code"] for found in quarantined(landing)]) == (
        1_000,
        ["E_DATE_MISMATCH"],
    )


def test_each_row_of_the_page_has_its_test() -> None:
    page = (PROJECT / "docs" / "bad_exports.md").read_text()
    told = re.findall(r"^\| (G\d\d) \|", page, re.MULTILINE)
    modules = [*Path(__file__).parents[1].rglob("test_matrix_*.py")]
    held = {found for module in modules for found in re.findall(r'"(G\d\d)"', module.read_text())}

    assert told == [f"G{number:02}" for number in range(1, 48)]
    assert held == set(told)
