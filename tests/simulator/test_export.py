from dataclasses import replace
from datetime import date, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import duckdb
import numpy as np
import pyarrow.parquet as pq
import pytest

from ga4_export.schema import EVENTS, SIMULATED
from simulator import export
from simulator.clock import SECOND, midnights
from simulator.events import events_of
from simulator.population import Population
from simulator.shop import Shop


def test_the_files_have_the_schema_of_the_ga4_export(folder: Path, shop: Shop) -> None:
    files = sorted(folder.iterdir())
    assert [file.name for file in files] == [f"events_{day:%Y%m%d}.parquet" for day in shop.calendar]
    assert all(pq.read_schema(file).equals(EVENTS) for file in files)


def test_each_file_says_that_it_is_simulated(folder: Path) -> None:
    assert all(SIMULATED in pq.read_metadata(file).metadata for file in folder.iterdir())


def test_the_same_seed_gives_the_same_bytes_and_another_seed_others(folder: Path, shop: Shop, tmp_path: Path) -> None:
    first = replace(shop, days=1)
    (again,) = export.write(tmp_path / "again", first)
    (other,) = export.write(tmp_path / "other", replace(first, seed=12))
    assert again.read_bytes() == (folder / again.name).read_bytes()
    assert other.read_bytes() != again.read_bytes()


def test_a_day_is_the_same_whether_it_is_written_alone_or_with_others(folder: Path, shop: Shop, tmp_path: Path) -> None:
    third = shop.first_day + timedelta(days=2)
    (alone,) = export.write(tmp_path, replace(shop, first_day=third, days=1))
    assert alone.read_bytes() == (folder / alone.name).read_bytes()


def test_processes_write_the_same_bytes(
    folder: Path, shop: Shop, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(export, "_LARGE", 0)
    for file in export.write(tmp_path, replace(shop, days=2)):
        assert file.read_bytes() == (folder / file.name).read_bytes()


def test_each_day_is_announced_once_its_file_is_there(shop: Shop, tmp_path: Path) -> None:
    there: list[tuple[date, bool]] = []
    files = {day: tmp_path / f"events_{day:%Y%m%d}.parquet" for day in shop.calendar[:2]}
    export.write(tmp_path, replace(shop, days=2), lambda day: there.append((day, files[day].exists())))
    assert there == [(day, True) for day in files]


def test_a_file_holds_its_own_day_in_the_shops_time_zone(folder: Path, shop: Shop) -> None:
    zone = ZoneInfo(shop.time_zone)
    for day in shop.calendar:
        table = pq.read_table(folder / f"events_{day:%Y%m%d}.parquet", columns=["event_date", "event_timestamp"])
        assert set(table["event_date"].to_pylist()) == {f"{day:%Y%m%d}"}
        instants = table["event_timestamp"].to_numpy() / 1e6
        days = {datetime.fromtimestamp(instant, zone).date() for instant in (instants.min(), instants.max())}
        assert days == {day}


def test_a_session_that_crosses_midnight_is_whole_in_its_two_files(shop: Shop, rows: duckdb.DuckDBPyConnection) -> None:
    day = shop.calendar[1]
    visits = Population(shop).visits_on(day)
    began, ends = midnights(shop.time_zone, day.toordinal(), 2)
    crossing = (visits.sessions.start_us >= began) & (visits.sessions.end_us >= ends)
    sessions = [int(start) // SECOND for start in visits.sessions.start_us[crossing]]
    written = rows.execute(
        """
        select count(distinct (user_pseudo_id, event_name, event_timestamp)), count(distinct event_date)
        from rows where list_contains($sessions, session_id)
        """,
        {"sessions": sessions},
    ).fetchall()
    assert written == [(len(events_of(visits.take(np.flatnonzero(crossing)))), 2)]


def test_about_one_row_in_150_is_an_exact_duplicate(rows: duckdb.DuckDBPyConnection) -> None:
    total, distinct = rows.sql("select count(*), count(distinct rows) from rows").fetchall()[0]
    assert 0.004 < (total - distinct) / total < 0.01


def test_days_on_which_nobody_comes_have_files_too(tmp_path: Path) -> None:
    files = export.write(tmp_path, Shop(days=3, sessions_per_day=0.01))
    assert [pq.read_schema(file).equals(EVENTS) for file in files] == [True] * 3
