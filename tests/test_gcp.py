"""The profile gcp, as far as it goes without an account: real Postgres and Redis, and no network."""

import json
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pandas as pd
import pytest

from feature_repo import contract
from feature_repo.contract import FeatureTable
from tactful import home, stores
from tactful.dbt import DBT_PROJECT, variables
from tactful.settings import Settings
from tests.bigquery_server import write_credentials
from tests.conftest import PROJECT, gcp_settings
from tests.postgres_server import PASSWORD, postgres_server, programs
from tests.redis_server import redis_server

DAY = pd.Timestamp("2026-01-18")


@pytest.fixture(scope="module")
def servers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Settings]:
    """A prepared home of the profile gcp, whose Postgres and Redis are there."""
    if programs() is None or shutil.which("redis-server") is None:
        pytest.skip("the server programs of Postgres and Redis are not installed")
    folder = tmp_path_factory.mktemp("gcp")
    with postgres_server() as postgres, redis_server(folder) as redis:
        prepared = gcp_settings(folder, postgres_url=postgres, redis_url=f"redis://{redis}/0")
        home.prepare(prepared)
        yield prepared


@pytest.fixture(scope="module")
def tables(manifest: Path) -> tuple[FeatureTable, ...]:
    return contract.load(manifest)


def _without_credentials(stated: Settings) -> dict[str, str]:
    """The environment of a process that finds no Google credentials, and asks no machine for them."""
    kept = {name: value for name, value in home.environment(stated).items() if not name.startswith("GOOGLE_")}
    return {**kept, "CLOUDSDK_CONFIG": str(stated.home), "NO_GCE_CHECK": "true"}


def _python(*arguments: str, env: dict[str, str]) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, *arguments], env=env, cwd=PROJECT, capture_output=True, text=True, check=False
    )


def test_dagster_s_definitions_load_without_a_server_or_credentials(manifest: Path, gcp: Settings) -> None:
    loaded = _python("tests/orchestration/asset_graph.py", env=_without_credentials(gcp))

    assert loaded.returncode == 0, loaded.stderr
    graph = json.loads(loaded.stdout)
    local = json.loads((PROJECT / "tests" / "orchestration" / "asset_graph.json").read_text())
    assert "simulated_export" not in graph
    assert graph["ga4_export/events"] == {"made_from": [], "checks": []}
    unchanged = [name for name in local if name.startswith(("feature_store/", "online_store/", "popup_", "fct_"))]
    assert {name: graph[name] for name in unchanged} == {name: local[name] for name in unchanged}


def test_c07_a_run_without_credentials_builds_nothing_and_names_the_command(servers: Settings) -> None:
    told = _python("-m", "tactful", "run", env=_without_credentials(servers))

    assert told.returncode == 2
    assert told.stderr == (
        "tactful: Google Cloud credentials are missing: `gcloud auth application-default login` makes them.\n"
    )
    assert not (servers.home / "logs" / "run.log").exists()


def test_dbt_compiles_for_the_settings_project_and_datasets(gcp: Settings, tmp_path: Path) -> None:
    credentials = write_credentials(tmp_path, "http://127.0.0.1:1")
    compiled = subprocess.run(
        [
            *(Path(sys.executable).with_name("dbt"), "compile", "--no-populate-cache", "--no-introspect"),
            *("--select", "stg_ga4__events", "--vars", variables(gcp, DAY.date(), DAY.date(), DAY.date())),
            *("--project-dir", DBT_PROJECT, "--profiles-dir", DBT_PROJECT, "--target-path", tmp_path),
        ],
        env={**home.environment(gcp), "GOOGLE_APPLICATION_CREDENTIALS": str(credentials)},
        capture_output=True,
        text=True,
        check=False,
    )

    assert compiled.returncode == 0, compiled.stdout
    (manifest,) = tmp_path.glob("manifest.json")
    node = json.loads(manifest.read_text())["nodes"]["model.tactful.stg_ga4__events"]
    assert node["relation_name"] == "`my-shop-123`.`tactful`.`stg_ga4__events`"
    assert "`my-shop-123`.`analytics_1`.`events_*`" in node["compiled_code"]


def test_dagster_keeps_its_runs_in_postgres(servers: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    import dagster as dg
    from dagster_postgres import PostgresEventLogStorage

    @dg.asset
    def figure() -> dg.MaterializeResult[None]:
        return dg.MaterializeResult(metadata={"answer": 42})

    monkeypatch.setenv("DAGSTER_POSTGRES_URL", home.environment(servers)["DAGSTER_POSTGRES_URL"])
    folder = str(servers.home / "dagster")
    with dg.DagsterInstance.from_config(folder) as instance:
        assert dg.materialize([figure], instance=instance).success
    with dg.DagsterInstance.from_config(folder) as again:
        event = again.get_latest_materialization_event(figure.key)
        assert isinstance(again.event_log_storage, PostgresEventLogStorage)
        assert PASSWORD not in str(again.get_ref())

    assert event is not None
    assert event.asset_materialization is not None
    assert event.asset_materialization.metadata["answer"].value == 42


def test_mlflow_keeps_its_runs_in_postgres_and_models_where_it_is_told(servers: Settings) -> None:
    from mlflow import MlflowClient

    from ml.registry import EXPERIMENT, Registry

    registry = Registry.of(servers)

    assert registry.ensure() == registry.ensure()
    experiment = MlflowClient(stores.tracking_uri(servers)).get_experiment_by_name(EXPERIMENT)
    assert experiment is not None
    assert experiment.artifact_location == (servers.home / "artifacts").as_uri()
    assert not (servers.home / "mlflow").exists()


def test_a_champion_that_was_made_elsewhere_is_on_record_in_postgres(servers: Settings) -> None:
    from mlflow import MlflowClient

    from ml.promotion import ELSEWHERE, Seat
    from ml.registry import CHAMPION, Registry

    seat = Seat(Registry.of(servers), "popup_profile")
    client = MlflowClient(stores.tracking_uri(servers), stores.tracking_uri(servers))
    client.create_registered_model(seat.model)
    client.create_model_version(seat.model, "gs://bucket/version", tags={"bundle_digest": "c0ffee"})
    client.set_registered_model_alias(seat.model, CHAMPION, "1")

    seat.settle()
    seat.settle()

    (found,) = seat.ledger.moves(seat.model)
    assert (found.to_version, found.to_digest, found.asked_by) == ("1", "c0ffee", ELSEWHERE)
    assert not (servers.home / "mlflow").exists()


def test_feast_s_registry_is_in_postgres_and_its_online_store_in_redis(
    servers: Settings, tables: tuple[FeatureTable, ...]
) -> None:
    from feature_repo import online
    from feature_repo.store import build_objects, open_store

    table = next(table for table in tables if table.is_online)
    rows = _rows(table)
    open_store(servers).apply(build_objects(tables, servers))
    store = open_store(servers)

    assert online.write_newest(store, table, rows) == online.OnlineWrite(written=2, outdated=0)
    assert online.compare(store, table, rows).different == 0
    assert {service.name for service in store.list_feature_services()} == {
        f"{model}_v1" for model in contract.models_of(tables)
    }


def test_feast_reads_the_warehouse_s_tables_by_both_clocks(gcp: Settings, tables: tuple[FeatureTable, ...]) -> None:
    from feature_repo.sources import build_source

    for table in tables:
        source = build_source(table, gcp)
        assert f"from `my-shop-123.tactful.{table.name}` where {table.day} >=" in source.get_table_query_string()
        assert (source.timestamp_field, source.created_timestamp_column) == ("feature_at", "known_at")


def test_tools_of_one_database_do_not_share_tables(servers: Settings) -> None:
    import psycopg2

    with psycopg2.connect(servers.secrets["TACTFUL_POSTGRES_URL"]) as connection, connection.cursor() as cursor:
        cursor.execute("select distinct table_schema from information_schema.tables")
        schemas = {schema for (schema,) in cursor.fetchall()}
    connection.close()

    assert set(stores.SCHEMAS) <= schemas
    assert "public" not in schemas


def _rows(table: FeatureTable) -> pd.DataFrame:
    """A row each of two users, whose features are the type's plainest values."""
    values = {"string": "x", "int64": 1, "float64": 0.5, "bool": True, "timestamp": DAY, "date": DAY}
    rows = pd.DataFrame([{column.name: values[column.data_type] for column in table.columns}] * 2)
    return rows.assign(**{table.join_key: ["1.1", "1.2"]})
