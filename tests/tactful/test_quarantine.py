"""What was kept out, shown, mended, landed after all or dropped."""

import fcntl
import json
from io import StringIO
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from rich.console import Console

from ga4_export import replay
from ga4_export.days import land_days
from ga4_export.listing import ExportError
from ga4_export.schema import EVENTS
from tactful import home, quarantine
from tactful.home import HomeError
from tactful.landing import landing_of
from tactful.quarantine import Filter
from tactful.settings import Settings, SettingsError
from tactful.source import source_of
from tests.conftest import gcp_settings, tactful
from tests.ga4_export.conftest import DAY, NOON, NOW, event
from tests.ga4_export.matrix import A_DAY, landed_rows, param

MISDATED_PAGE = [param("page_title", string_value="[red]ż"), param("ga_session_id", string_value="abc")]


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    """A home with a landed day: one event, and two rows that are none; the day after it is damaged."""
    export = tmp_path / "export"
    export.mkdir()
    rows = [event(), event(event_timestamp=0), event(event_params=MISDATED_PAGE)]
    pq.write_table(pa.Table.from_pylist(rows, schema=EVENTS), export / "events_20260105.parquet")
    (export / "events_20260106.parquet").write_text("<html>")
    settings = Settings(home=tmp_path / "home", export=export)
    home.prepare(settings)
    home.adopt(settings, source_of(settings))
    exported = {DAY: [export / "events_20260105.parquet"], DAY + A_DAY: [export / "events_20260106.parquet"]}
    land_days(landing_of(settings), exported, exported, NOW)
    return settings


@pytest.fixture
def console() -> Console:
    return Console(record=True, width=200, file=StringIO())


def _ids(settings: Settings) -> tuple[str, ...]:
    return tuple(record.row_id for record in replay.records(landing_of(settings)))


def _counts(settings: Settings) -> tuple[int, int, int]:
    landed = landing_of(settings).landed(DAY)
    assert landed is not None
    assert all(file.is_conserved for file in landed.files)
    return landed.rows_loaded, landed.rows_quarantined, sum(file.rows_duplicate for file in landed.files)


def test_the_list_tells_rows_with_their_reasons_and_days_that_were_refused(settings: Settings) -> None:
    told = tactful("quarantine", "list", home=settings.home)

    first, second = _ids(settings)
    assert told.returncode == 0, told.stderr
    for word in (first, second, "E_TS_RANGE", "E_SESSION_ID_INVALID", "events_20260105.parquet", "2 rows"):
        assert word in told.stdout
    assert "Day 2026-01-06 could not be landed: E_FILE_DAMAGED" in told.stdout


@pytest.mark.parametrize(
    ("wanted", "rows"),
    [
        (Filter(), 2),
        (Filter(reason="E_TS_RANGE"), 1),
        (Filter(status="dropped"), 0),
        (Filter(day=DAY), 2),
        (Filter(day=DAY + A_DAY), 0),
    ],
)
def test_the_list_can_be_narrowed(settings: Settings, console: Console, wanted: Filter, rows: int) -> None:
    quarantine.show_list(settings, wanted, console)

    assert f"{rows} rows in quarantine" in console.export_text()


def test_what_is_shown_can_be_mended_and_landed(settings: Settings, tmp_path: Path) -> None:
    row_id, _ = _ids(settings)
    shown = json.loads(tactful("quarantine", "show", row_id, home=settings.home).stdout)
    assert shown["event_timestamp"] == 0
    mended = tmp_path / "row.json"
    mended.write_text(json.dumps({**shown, "event_timestamp": NOON + 7}))

    told = tactful("quarantine", "replay", row_id, "--row", str(mended), home=settings.home)

    assert told.returncode == 0, told.stderr
    assert f"{row_id} of 2026-01-05 is loaded" in told.stdout
    assert "tactful backfill --first 2026-01-05 --last 2026-01-05" in told.stdout
    assert _counts(settings) == (2, 1, 0)
    assert {row["event_timestamp"] for row in landed_rows(landing_of(settings))} == {NOON, NOON + 7}


def test_all_open_rows_are_tried_and_those_that_still_do_not_fit_are_told(settings: Settings, console: Console) -> None:
    assert quarantine.replay_all(settings, Filter(reason="E_TS_RANGE"), console) == 1
    assert "is quarantined: E_TS_RANGE" in console.export_text()
    assert _counts(settings) == (1, 2, 0)


def test_a_row_mended_into_one_that_is_there_counts_as_a_duplicate(
    settings: Settings, console: Console, tmp_path: Path
) -> None:
    row_id, _ = _ids(settings)
    mended = tmp_path / "row.json"
    mended.write_text(json.dumps({**quarantine.row_of(settings, row_id), "event_timestamp": NOON}))

    assert quarantine.replay_rows(settings, [row_id], mended, console) == 0

    assert "is duplicate" in console.export_text()
    assert _counts(settings) == (1, 1, 1)


def test_a_dropped_row_stays_on_record_and_stays_dropped(settings: Settings, console: Console) -> None:
    row_id, _ = _ids(settings)
    quarantine.drop_rows(settings, [row_id], console)
    # one event more, so that the day is landed anew
    assert settings.export is not None
    file = settings.export / "events_20260105.parquet"
    rows = [*pq.read_table(file).to_pylist(), event(event_name="scroll")]
    pq.write_table(pa.Table.from_pylist(rows, schema=EVENTS), file)
    landing_of(settings).land(DAY, [file], NOW)

    status = {record.reason_code: record.status for record in replay.records(landing_of(settings))}

    assert status == {"E_TS_RANGE": "dropped", "E_SESSION_ID_INVALID": "open"}
    assert _counts(settings) == (2, 2, 0)


def test_what_was_replayed_is_neither_replayed_nor_dropped_again(
    settings: Settings, console: Console, tmp_path: Path
) -> None:
    row_id, _ = _ids(settings)
    mended = tmp_path / "row.json"
    mended.write_text(json.dumps({**quarantine.row_of(settings, row_id), "event_timestamp": NOON + 7}))
    quarantine.replay_rows(settings, [row_id], mended, console)

    with pytest.raises(ExportError, match="was replayed before"):
        quarantine.replay_rows(settings, [row_id], mended, console)
    with pytest.raises(ExportError, match="was replayed before"):
        quarantine.drop_rows(settings, [row_id], console)


@pytest.mark.parametrize(
    ("written", "told"),
    [
        ("{", "can't be read as JSON"),
        ("[1]", "holds a list; a JSON object is needed"),
        ('{"event_nam": "a"}', "event_nam is no column of a GA4 export"),
        ('{"event_timestamp": "noon"}', "is no row of a GA4 export"),
        ('{"event_timestamp": 1e400}', "is no row of a GA4 export"),
        ('{"event_timestamp": 99999999999999999999}', "is no row of a GA4 export"),
        ('{"event_name": "\\ud800"}', "is no row of a GA4 export"),
        ('{"event_params": "abc"}', "is no row of a GA4 export"),
    ],
)
def test_a_row_that_is_none_is_refused_and_changes_nothing(
    settings: Settings, console: Console, tmp_path: Path, written: str, told: str
) -> None:
    mended = tmp_path / "row.json"
    mended.write_text(written)

    with pytest.raises((ExportError, SettingsError), match=told) as refused:
        quarantine.replay_rows(settings, _ids(settings)[:1], mended, console)

    assert len(str(refused.value).splitlines()) == 1
    assert _counts(settings) == (1, 2, 0)


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("show", "x:1"), "Quarantine holds no row 'x:1'"),
        (("list", "--status", "lost"), "--status is 'lost'; open, replayed or dropped"),
        (("list", "--day", "today"), "--day is 'today'; a day as YYYY-MM-DD"),
        (("replay",), "Name rows, one of them with --row, or say --all"),
        (("replay", "x:1", "y:2", "--row", "a.json"), "--row mends one row, and 2 are named"),
        (("drop", "x:1"), "Quarantine holds no row 'x:1'"),
    ],
)
def test_a_mistake_is_told_in_one_line(settings: Settings, arguments: tuple[str, ...], told: str) -> None:
    outcome = tactful("quarantine", *arguments, home=settings.home)

    assert (outcome.returncode, len(outcome.stderr.strip().splitlines())) == (2, 1)
    assert told in outcome.stderr


def test_nothing_is_changed_while_a_run_works_on_the_home(settings: Settings, console: Console) -> None:
    with (settings.home / ".run.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        with pytest.raises(HomeError, match="in use by another run"):
            quarantine.drop_rows(settings, _ids(settings), console)


def test_there_is_no_quarantine_on_bigquery(tmp_path: Path, console: Console) -> None:
    with pytest.raises(SettingsError, match="mend rows there"):
        quarantine.show_list(gcp_settings(tmp_path), Filter(), console)
