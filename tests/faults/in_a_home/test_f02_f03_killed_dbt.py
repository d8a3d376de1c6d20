"""dbt killed while it builds: of each day a table holds what stood there or what was to, and the rest is built."""

import random
import shutil
from collections.abc import Iterator
from contextlib import closing
from datetime import date, timedelta
from pathlib import Path

import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest

from tactful import home
from tactful.dbt import DBT_PROJECT, variables
from tactful.settings import Settings
from tactful.source import source_of
from tests.faults.contents import contents
from tests.faults.killing import Nursery

KILLS, SEED = 4, 7
BUILT, MODELS = ("+fct_user_features", "fct_sessions", "dim_users"), 6

BUILD = """
from pathlib import Path
import dbt.adapters.duckdb
from dbt.cli.main import dbtRunner

def work(begun, models, *command):
    def tell(event):
        if event.info.name == "LogStartLine" and event.data.index == int(models):
            Path(begun).touch()
    if not dbtRunner(callbacks=[tell]).invoke(list(command)).success:
        raise SystemExit(1)
"""


@pytest.fixture
def dbt(lived_in: Settings) -> Iterator[Nursery]:
    with closing(Nursery(BUILD, environment=home.environment(lived_in))) as nursery:
        yield nursery


def _withdraw_a_user(lived_in: Settings, day: date) -> None:
    """Land a day again as GA4 would deliver it without one of its users."""
    file = lived_in.home / "ga4_export" / "events" / f"events_{day:%Y%m%d}.parquet"
    rows = pq.read_table(file)
    pq.write_table(rows.filter(pc.not_equal(rows["user_pseudo_id"], rows["user_pseudo_id"][0])), file)


def test_f02_f03_a_build_that_is_killed_leaves_each_day_old_or_new_and_the_next_one_builds_the_rest(
    lived_in: Settings, dbt: Nursery, tmp_path: Path
) -> None:
    warehouse, before, begun = lived_in.home / "warehouse.duckdb", tmp_path / "before.duckdb", tmp_path / "begun"
    shutil.copy(warehouse, before)
    last = source_of(lived_in).last
    command = (
        *("run", "--select", *BUILT, "--target-path", str(tmp_path / "target"), "--log-path", str(tmp_path / "logs")),
        *("--project-dir", str(DBT_PROJECT), "--profiles-dir", str(DBT_PROJECT)),
        *("--vars", variables(lived_in, last - timedelta(days=3), last, last)),
    )
    _withdraw_a_user(lived_in, last - timedelta(days=2))
    dbt.left_alone(str(begun), "0", *command)
    old, new = contents(before), contents(warehouse)
    changed = {where for where in old.keys() | new.keys() if old.get(where) != new.get(where)}
    assert {table for table, _ in changed} >= {"stg_ga4__events", "fct_sessions", "fct_user_features", "dim_users"}

    moments, halves = random.Random(SEED), 0
    for _ in range(KILLS):
        shutil.copy(before, warehouse)
        for left in (begun, warehouse.with_suffix(".duckdb.wal")):
            left.unlink(missing_ok=True)
        killed = dbt.begin(str(begun), str(moments.randint(1, MODELS)), *command)
        while not begun.exists():
            assert not killed.has_ended(within=0.01)
        killed.killed(moments.uniform(0, 0.5))

        found = contents(warehouse)
        assert all(found.get(where) in (old.get(where), new.get(where)) for where in found.keys() | old.keys())
        halves += len({found.get(where) == new.get(where) for where in changed}) - 1
    assert halves
    dbt.left_alone(str(begun), "0", *command)
    assert contents(warehouse) == new
