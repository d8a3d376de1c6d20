"""Checks of landed days, each in a home in which five days are landed."""

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import dagster as dg
import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from ga4_export.days import land_days
from ga4_export.landing import Landing
from ga4_export.listing import list_days
from ga4_export.schema import EVENTS
from tests.ga4_export.conftest import DAY, NOON, event

A_DAY = timedelta(days=1)
DAYS = [DAY + n * A_DAY for n in range(5)]


class Home:
    """An export of five days with four events each, and the landing that they go to."""

    def __init__(self, folder: Path) -> None:
        self.export = folder / "export"
        self.export.mkdir()
        self.landing = Landing(folder / "home" / "ga4_export", ZoneInfo("UTC"), timedelta(0))
        for day in DAYS:
            self.deliver(day, 4)

    def deliver(self, day: date, count: int, **overrides: Any) -> None:
        moved = (day - DAY).days * 86_400_000_000
        rows = [
            event(**{"event_date": f"{day:%Y%m%d}", "event_timestamp": NOON + moved + n, **overrides})
            for n in range(count)
        ]
        pq.write_table(pa.Table.from_pylist(rows, schema=EVENTS), self.file(day))

    def file(self, day: date) -> Path:
        return self.export / f"events_{day:%Y%m%d}.parquet"

    def land(self, days: Sequence[date] = DAYS) -> None:
        land_days(self.landing, list_days(self.export), days, datetime.now(UTC))


@pytest.fixture
def shop(tmp_path: Path) -> Home:
    return Home(tmp_path)


Check = Callable[[str], dg.AssetCheckEvaluation]


@pytest.fixture
def check(shop: Home, monkeypatch: pytest.MonkeyPatch) -> Check:
    """What a check says of the days of the export when Dagster runs it."""
    from orchestration import landing_checks
    from orchestration.assets import ga4_export
    from orchestration.resources import LandingResource, WarehouseResource
    from tactful.source import Source

    monkeypatch.setattr(landing_checks, "SOURCE", Source(str(shop.export), DAYS[0], DAYS[-1], "files"))
    home = shop.landing.folder.parent
    resources = {
        "landing": LandingResource(home=str(home)),
        "warehouse": WarehouseResource(home=str(home), path=str(home / "warehouse.duckdb")),
    }
    tags = {"dagster/asset_partition_range_start": str(DAYS[0]), "dagster/asset_partition_range_end": str(DAYS[-1])}
    by_name = {key.name: checks for checks in landing_checks.CHECKS for key in checks.check_keys}

    def ask(name: str) -> dg.AssetCheckEvaluation:
        job = dg.define_asset_job("asked", dg.AssetSelection.checks(by_name[name]))
        asked = dg.Definitions([ga4_export.events], jobs=[job], asset_checks=[by_name[name]], resources=resources)
        result = asked.resolve_job_def("asked").execute_in_process(tags=tags, raise_on_error=False)
        (evaluation,) = result.get_asset_check_evaluations()
        return evaluation

    return ask


def _figures(evaluation: dg.AssetCheckEvaluation) -> Mapping[str, object]:
    return {name: value.value for name, value in evaluation.metadata.items()}


@pytest.mark.parametrize(
    "name", ["every_day_is_landed", "days_have_their_usual_size", "late_days_are_built", "signals_are_usual"]
)
def test_of_days_as_they_should_be_nothing_is_told(shop: Home, check: Check, name: str) -> None:
    shop.land()

    assert check(name).passed


def test_a_day_that_is_missing_is_told_until_it_is_landed(shop: Home, check: Check) -> None:
    shop.file(DAYS[1]).unlink()
    shop.land()

    told = check("every_day_is_landed")

    assert not told.passed
    assert not told.blocking
    assert _figures(told) == {
        "days_refused": ["2026-01-06"],
        "codes": ["E_GA4_DAY_MISSING"],
        "owners": ["team:data"],
    }
    shop.deliver(DAYS[1], 4)
    shop.land()
    assert check("every_day_is_landed").passed


@pytest.mark.parametrize(
    ("usual", "rows", "severity"),
    [(4, 2, None), (4, 1, "WARN"), (100, 2, "WARN")],
)
def test_a_small_day_is_warned_of(shop: Home, check: Check, usual: int, rows: int, severity: str | None) -> None:
    for day in DAYS[:-1]:
        shop.deliver(day, usual)
    shop.deliver(DAYS[-1], rows)
    shop.land()

    told = check("days_have_their_usual_size")

    assert told.passed == (severity is None)
    assert _figures(told) == {"days_small": int(severity == "WARN")}
    if severity:
        assert (told.severity.value, told.blocking) == (severity, False)
        assert told.description == f"{DAYS[-1]} has {rows} rows; {usual} are usual"


@pytest.mark.parametrize(("usual", "rows"), [(4, 0), (100, 1)])
@pytest.mark.parametrize("is_landed", [False, True])
def test_a_day_with_next_to_no_row_is_left_out_and_keeps_no_other_day_out(
    shop: Home, check: Check, usual: int, rows: int, is_landed: bool
) -> None:
    for day in DAYS[:-1]:
        shop.deliver(day, usual)
    shop.deliver(DAYS[-1], rows)
    if is_landed:
        shop.landing.land(DAYS[-1], [shop.file(DAYS[-1])], datetime.now(UTC))
    shop.land()

    told = check("every_day_is_landed")

    assert (told.passed, told.blocking) == (False, False)
    assert _figures(told)["codes"] == ["E_GA4_DAY_SHRUNKEN"]
    assert f"Day {DAYS[-1]} has {rows} rows; {usual} are usual" in str(told.description)
    assert check("days_have_their_usual_size").passed


def test_a_day_that_changed_after_its_time_waits_for_a_backfill(shop: Home, check: Check) -> None:
    shop.land()
    shop.deliver(DAY, 5)
    shop.deliver(DAY + A_DAY, 5)

    told = check("late_days_are_built")

    # the fourth day before the newest is late, the third is not
    assert (told.passed, told.severity, told.blocking) == (False, dg.AssetCheckSeverity.WARN, False)
    assert _figures(told) == {"days_queued": ["2026-01-05"]}
    assert told.description == "E_GA4_LATE_BEYOND_WINDOW: 2026-01-05 changed; `tactful backfill` builds them."
    shop.land()
    assert check("late_days_are_built").passed


def test_events_of_one_place_that_differ_in_parameters_are_counted(shop: Home, check: Check) -> None:
    rows = [event(event_params=[{"key": "percent_scrolled", "value": {"int_value": n}}]) for n in (25, 50)]
    pq.write_table(pa.Table.from_pylist(rows, schema=EVENTS), shop.file(DAY))
    shop.land()

    told = check("signals_are_usual")

    assert (told.passed, told.severity, told.blocking) == (False, dg.AssetCheckSeverity.WARN, False)
    assert told.description == "same_place_other_params: 1"


@pytest.mark.parametrize(("loaded", "is_passed"), [(2, True), (1, False), (3, False)])
def test_a_row_that_is_nowhere_or_twice_is_noticed(shop: Home, check: Check, loaded: int, is_passed: bool) -> None:
    shop.land()
    with duckdb.connect(str(shop.landing.folder.parent / "warehouse.duckdb")) as connection:
        connection.execute("create schema tactful")
        connection.execute(
            """
            create table tactful.stg_ga4__source_files as
            select date '2026-01-05' as event_date, name as source_file, 4 as rows_read, loaded as rows_loaded,
                1 as rows_duplicate, 1 as rows_quarantined, 0 as rows_suppressed, loaded = 2 as is_conserved
            from (values ('a.parquet', 2), ('b.parquet', $loaded)) as files (name, loaded)
            """,
            {"loaded": loaded},
        )

    told = check("no_row_is_lost")

    assert (told.passed, told.blocking) == (is_passed, True)
    assert _figures(told) == {
        "rows_read": 8,
        "rows_loaded": 2 + loaded,
        "rows_duplicate": 2,
        "rows_quarantined": 2,
        "rows_suppressed": 0,
        "files_broken": [] if is_passed else ["b.parquet"],
    }
