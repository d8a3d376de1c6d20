"""Runs that find the disk full, the registry locked, a table altered: what stands stands, and the next one goes."""

from pathlib import Path

import duckdb
import pytest

from ml.registry import Registry
from tactful.settings import Settings
from tactful.source import source_of
from tests.faults.contents import contents
from tests.faults.killing import Jobs, OnRecord
from tests.faults.locking import held

# MLflow warns of a type hint of its own when it is imported
pytestmark = pytest.mark.filterwarnings("ignore:.*Any type hint is inferred")

OFFLINE, EVENTS = "feature_store/user_features", "stg_ga4__events"


def _change(warehouse: Path, sql: str) -> None:
    with duckdb.connect(str(warehouse)) as connection:
        connection.execute(sql)


def test_f14_a_warehouse_that_finds_the_disk_full_is_as_it_was_and_the_next_run_builds_it(
    lived_in: Settings, jobs: Jobs
) -> None:
    warehouse = lived_in.home / "warehouse.duckdb"
    before = contents(warehouse)

    full = jobs.build(EVENTS, days=21, file_limit=warehouse.stat().st_size)

    (told,) = full.failures()
    assert told.startswith("dbt could not go on: ")
    assert "File too large" in told
    assert warehouse.name in told
    assert "\n" not in told
    assert EVENTS not in OnRecord.of(lived_in, full).built
    assert contents(warehouse) == before
    assert jobs.build(EVENTS, days=21).failures() == []
    assert contents(warehouse) == before


def test_f20_a_registry_that_stays_locked_fails_the_training_alone(lived_in: Settings, jobs: Jobs) -> None:
    before, database = Registry.of(lived_in).champion("user_segments"), lived_in.home / "mlflow" / "mlflow.db"

    with held(database):
        run = jobs.build("user_segments", "churn_training_set")
        (told,) = run.failures()

    assert f"MLflow's store sqlite:///{database} can't be used: " in told
    assert told.endswith("database is locked")
    assert OnRecord.of(lived_in, run).built.keys() == {"churn_training_set"}
    assert Registry.of(lived_in).champion("user_segments") == before


def test_f28_what_depends_on_a_table_that_dbt_could_not_build_is_built_neither_in_this_run_nor_in_the_next(
    lived_in: Settings, jobs: Jobs
) -> None:
    warehouse, table = lived_in.home / "warehouse.duckdb", "fct_user_features"
    _change(warehouse, f"alter table tactful.{table} rename column known_at to known_then")

    broken = jobs.build("int_user_days", table, OFFLINE)

    (told,) = broken.failures()
    assert told.startswith(f"dbt could not build {table}: ")
    assert OnRecord.of(lived_in, broken).built.keys() == {"int_user_days"}
    refused = jobs.build(OFFLINE)
    run = f"{broken.run_id[:8]} of {source_of(lived_in).last}"
    assert refused.failures() == [
        f"{table} was not built by run {run}, which was to: build it again, as `tactful backfill` does with days."
    ]
    assert OnRecord.of(lived_in, refused).built == {}
    _change(warehouse, f"alter table tactful.{table} rename column known_then to known_at")
    assert jobs.build("int_user_days", table, OFFLINE).failures() == []
