"""A run is killed and the dbt that it started is not: the next run waits until that has let go of the warehouse."""

import subprocess
import sys
from pathlib import Path

import duckdb
import pytest

from tests.conftest import PROJECT

HOLD = """
import sys, duckdb
with duckdb.connect(sys.argv[1]) as connection:
    print("held", flush=True)
    sys.stdin.readline()
    connection.execute("insert into tactful.orders values (4)")
"""


def test_f03_a_run_waits_for_a_dbt_that_has_outlived_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from orchestration import resources

    file = tmp_path / "warehouse.duckdb"
    with duckdb.connect(str(file)) as connection:
        connection.execute("create schema tactful; create table tactful.orders as select 3 as n")
    orphan = subprocess.Popen(
        [sys.executable, "-c", HOLD, str(file)], cwd=PROJECT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert orphan.stdout is not None
    assert orphan.stdout.readline() == "held\n"
    naps: list[float] = []

    def nap(seconds: float) -> None:
        """Have the orphan end while it is waited for."""
        naps.append(seconds)
        orphan.communicate("go on\n")

    monkeypatch.setattr("time.sleep", nap)
    warehouse = resources.WarehouseResource(home=str(tmp_path), path=str(file))

    assert warehouse.count("orders") == 2
    assert len(naps) == 1
