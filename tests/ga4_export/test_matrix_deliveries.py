"""Days that are delivered again, or late: rows of docs/bad_exports.md."""

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from ga4_export.days import changed_days
from ga4_export.landing import Landing
from ga4_export.listing import ExportError, list_days
from tactful import plan
from tactful.settings import Settings
from tactful.source import source_of
from tests.ga4_export.conftest import DAY, NOW, event
from tests.ga4_export.matrix import A_DAY, events_of, landed_rows, row

Write = Callable[..., Path]


@row("G05")
def test_the_same_bytes_under_another_name_change_nothing(row: str, landing: Landing, write: Write) -> None:
    file = write(event())
    landing.land(DAY, [file], NOW)
    before = landing.events(DAY).read_bytes()

    again = landing.land(DAY, [Path(shutil.copy(file, file.with_name("renamed.parquet")))], NOW)

    assert not again.is_new
    assert landing.events(DAY).read_bytes() == before


@row("G06")
def test_other_bytes_replace_the_day_and_the_difference_is_counted(row: str, landing: Landing, write: Write) -> None:
    landing.land(DAY, [write(event(), event(event_name="scroll"))], NOW)

    again = landing.land(DAY, [write(event(), event(event_name="click"), event(event_name="search"))], NOW)

    assert (again.rows_loaded, again.rows_new, again.rows_gone) == (3, 2, 1)
    assert {found["event_name"] for found in landed_rows(landing)} == {"page_view", "click", "search"}


@row("G06")
def test_a_delivery_that_can_not_be_read_leaves_the_landed_day_alone(row: str, landing: Landing, write: Write) -> None:
    landing.land(DAY, [write(event())], NOW)
    before = landing.events(DAY).read_bytes()
    file = write(event(), event(event_name="click"))
    file.write_bytes(file.read_bytes()[:-9])

    with pytest.raises(ExportError):
        landing.land(DAY, [file], NOW)

    assert landing.events(DAY).read_bytes() == before


@row("G07")
def test_a_late_event_is_found_and_known_from_when_it_came(row: str, landing: Landing, write: Write) -> None:
    file = write(event())
    first = landing.land(DAY, [file], NOW)
    assert changed_days(landing, list_days(file.parent)) == ()
    write(event(), event(event_name="scroll"))

    assert changed_days(landing, list_days(file.parent)) == (DAY,)
    landing.land(DAY, [file], NOW)

    known_at = {found["event_name"]: found["known_at"].isoformat() for found in landed_rows(landing)}
    assert known_at == {"page_view": first.known_at, "scroll": NOW.isoformat()}


@row("G08")
def test_what_comes_later_than_three_days_waits_for_a_backfill(row: str, write: Write, tmp_path: Path) -> None:
    for n in range(6):
        folder = events_of(DAY + n * A_DAY, write, 1).parent
    settings = Settings(home=tmp_path, export=folder)
    source = source_of(settings)
    before = plan.inputs_of(settings, source)
    for n in (0, 3):
        events_of(DAY + n * A_DAY, write, 2)
    now = plan.inputs_of(settings, source)

    assert plan.late_days(before, now, source) == (DAY,)
    built = plan.plan(before, now, source)
    assert built is not None
    assert built.first == DAY + 2 * A_DAY


@row("G32")
def test_another_time_zone_has_everything_built_anew(row: str, write: Write, tmp_path: Path) -> None:
    folder = write(event()).parent
    before, now = (
        plan.inputs_of(settings, source_of(settings))
        for settings in (Settings(home=tmp_path, export=folder, time_zone=zone) for zone in ("UTC", "Asia/Tokyo"))
    )

    built = plan.plan(before, now, source_of(Settings(home=tmp_path, export=folder)))

    assert built is not None
    assert built.is_rebuild
