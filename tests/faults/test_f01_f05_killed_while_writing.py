"""Killed while it writes files: a reader sees the old or the new one, and the next run comes to the same."""

import random
from collections.abc import Mapping
from pathlib import Path

import duckdb

from feature_repo import contract
from ga4_export.manifest import LandedDay
from simulator.export import write
from simulator.shop import Shop
from tests.faults.killing import Victim

KILLS, SEED = 4, 7

LAND = """
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo
from ga4_export.landing import Landing
from ga4_export.listing import list_days

landing = Landing(Path(sys.argv[2]), ZoneInfo("UTC"), timedelta(0))
for day, files in sorted(list_days(Path(sys.argv[1])).items()):
    print(day, flush=True)
    landing.land(day, files, datetime(2026, 2, 1, tzinfo=UTC))
"""

PUBLISH = """
import sys
from datetime import date, datetime, timedelta
from pathlib import Path
from feature_repo import contract
from feature_repo.offline import History, Marts
from tactful.dbt import MANIFEST

(table,) = (table for table in contract.load(MANIFEST) if table.name == "fct_user_segments")
history = History.of(Path(sys.argv[2]), table)
for n in range(8):
    print(n, flush=True)
    history.publish(Marts(Path(sys.argv[1]), "tactful"), [date(2026, 1, 1) + timedelta(days=n)], datetime(2026, 2, 1))
"""

Files = Mapping[str, tuple[object, ...]]
"""Of each file, how many rows it holds, and a number made of all of them."""


def _read(folder: Path) -> Files:
    """What a reader finds in a folder of Parquet files; reading fails on a half one."""
    told = "select count(*), bit_xor(hash(rows)) from read_parquet('{}') as rows"
    with duckdb.connect() as connection:
        found = {file: connection.execute(told.format(file)).fetchone() for file in folder.rglob("*.parquet")}
    return {str(file.relative_to(folder)): rows for file, rows in found.items() if rows}


def _rows_of_manifests(folder: Path) -> dict[str, int]:
    """The rows that each landed day states, by its file."""
    stated = (LandedDay.from_json(manifest.read_text()) for manifest in (folder / "manifest").glob("*.json"))
    return {f"events/events_{day.day.replace('-', '')}.parquet": day.rows_loaded for day in stated if day}


def test_f01_a_landing_that_is_killed_leaves_whole_days_and_the_next_one_lands_the_rest(tmp_path: Path) -> None:
    export, undisturbed, killed = (tmp_path / name for name in ("export", "undisturbed", "killed"))
    write(export, Shop(days=6, sessions_per_day=250))
    whole = Victim(LAND, str(export), str(undisturbed)).left_alone()
    wanted, moments = _read(undisturbed), random.Random(SEED)

    for _ in range(KILLS):
        Victim(LAND, str(export), str(killed)).killed(whole, moments)
        found = _read(killed)
        assert found == {file: wanted[file] for file in found}
        stated = _rows_of_manifests(killed)
        assert stated == {file: found[file][0] for file in stated}

    Victim(LAND, str(export), str(killed)).left_alone()
    assert _read(killed) == wanted
    assert len(_rows_of_manifests(killed)) == 6
    assert list(killed.rglob("*.partial")) == []


def test_f05_a_publication_that_is_killed_leaves_whole_days_and_the_next_one_publishes_the_rest(
    tmp_path: Path, manifest: Path
) -> None:
    marts, undisturbed, killed = (tmp_path / name for name in ("warehouse.duckdb", "undisturbed", "killed"))
    (table,) = (table for table in contract.load(manifest) if table.name == "fct_user_segments")
    values = {"string": "'user ' || n", "date": "day::date", "timestamp": "day::timestamp"}
    columns = ", ".join(f"{values[column.data_type]} as {column.name}" for column in table.columns)
    with duckdb.connect(str(marts)) as connection:
        connection.execute(f"""
            create schema tactful;
            create table tactful.{table.name} as select {columns}
            from range(60_000) as users (n), range(date '2026-01-01', date '2026-01-09', interval 1 day) as days (day)
        """)
    whole = Victim(PUBLISH, str(marts), str(undisturbed)).left_alone()
    wanted, moments = _read(undisturbed), random.Random(SEED)
    assert len(wanted) == 8

    for _ in range(KILLS):
        Victim(PUBLISH, str(marts), str(killed)).killed(whole, moments)
        found = _read(killed)
        assert found == {file: wanted[file] for file in found}

    Victim(PUBLISH, str(marts), str(killed)).left_alone()
    assert _read(killed) == wanted
    assert list(killed.rglob("*.partial")) == []
