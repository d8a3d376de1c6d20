"""The platform on a small shop: real landing, the models' compiled SQL, real publication, and Feast's join."""

import json
import os
import subprocess
import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from pathlib import Path

import duckdb
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
from feast import FeatureStore, FileSource

from feature_repo import contract
from feature_repo.contract import FEATURE_AT, KNOWN_AT, FeatureTable
from feature_repo.offline import History, Marts
from feature_repo.store import build_objects, open_store
from ga4_export.landing import Landing
from ga4_export.schema import EVENTS
from ml.specs import POPUP_BEHAVIOUR
from tactful.dbt import DBT_PROJECT
from tactful.settings import Settings
from tests.point_in_time.shop import DELAY, ZONE, Event, exported

SCHEMA = "tactful"
MODEL = "all_features"
SERVICE = f"{MODEL}_v1"
# dates that stand nowhere else in the SQL, so that any days can be put in their place
FIRST, LAST, LANDED = "1111-11-11", "1222-12-22", "landed/events_*.parquet"


@dataclass(frozen=True)
class Model:
    """A dbt model as DuckDB runs it."""

    name: str
    day: str
    columns: Mapping[str, str]
    sql: str


@dataclass(frozen=True)
class Project:
    """The models behind the feature tables, in the order in which they are built, and the tables' contracts."""

    models: tuple[Model, ...]
    tables: tuple[FeatureTable, ...]


def compile_project(folder: Path) -> Project:
    """The project's SQL for the shop, compiled by dbt."""
    stated = {
        "first_day": FIRST,
        "last_day": LAST,
        "landed_events": LANDED,
        "time_zone": ZONE.key,
        "export_delay_hours": DELAY // timedelta(hours=1),
    }
    outcome = subprocess.run(
        [
            Path(sys.executable).with_name("dbt"),
            *("compile", "--no-populate-cache", "--no-introspect", "--vars", json.dumps(stated)),
            *("--project-dir", DBT_PROJECT, "--profiles-dir", DBT_PROJECT, "--target-path", folder),
        ],
        env={**os.environ, "TACTFUL_HOME": str(folder), "DO_NOT_TRACK": "true"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert outcome.returncode == 0, outcome.stdout
    # what a model says of users is told by no event
    everything = contract.load(folder / "manifest.json")
    tables = tuple(table for table in everything if table.features_of(POPUP_BEHAVIOUR.name))
    nodes = json.loads((folder / "manifest.json").read_text())["nodes"]
    order = _ancestors([f"model.tactful.{table.name}" for table in tables], nodes)
    return Project(
        models=tuple(
            Model(
                name=node["name"],
                day=node["config"]["meta"]["day"],
                columns={name: column["data_type"] for name, column in node["columns"].items()},
                sql=(folder / "compiled" / "tactful" / node["original_file_path"]).read_text(),
            )
            for node in (nodes[name] for name in order)
            if node["config"]["materialized"] != "ephemeral"
        ),
        tables=tuple(_read_by_one_model(table) for table in tables),
    )


def _ancestors(names: Iterable[str], nodes: Mapping[str, dict[str, dict[str, list[str]]]]) -> list[str]:
    ordered: list[str] = []
    for name in names:
        parents = [parent for parent in nodes[name]["depends_on"]["nodes"] if parent in nodes]
        ordered += [found for found in (*_ancestors(parents, nodes), name) if found not in ordered]
    return ordered


def _read_by_one_model(table: FeatureTable) -> FeatureTable:
    """The table with every feature read by MODEL."""
    return replace(
        table,
        columns=tuple(replace(column, models=(MODEL,)) if column.is_feature else column for column in table.columns),
    )


@dataclass(frozen=True)
class Platform:
    """A home that takes deliveries as the main job would."""

    home: Path
    project: Project
    landing: Landing = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "landing", Landing(self.home / "ga4_export", ZONE, DELAY))
        with duckdb.connect(str(self._warehouse)) as connection:
            connection.execute("create type float64 as double")
            connection.execute(f"create schema {SCHEMA}")
            for model in self.project.models:
                columns = ", ".join(f"{name} {data_type}" for name, data_type in model.columns.items())
                connection.execute(f"create table {SCHEMA}.{model.name} ({columns})")

    @property
    def _warehouse(self) -> Path:
        return self.home / "warehouse.duckdb"

    def take(self, files: Mapping[date, Sequence[Event]], now: datetime) -> None:
        """Land what came, build from the day before it to the last day landed, and publish the features."""
        for day, events in files.items():
            file = self.home / f"events_{day:%Y%m%d}.parquet"
            pq.write_table(pa.Table.from_pylist([exported(event) for event in events], schema=EVENTS), file)
            self.landing.land(day, [file], now)
        landed = self.landing.landed_days()
        first = max(min(files) - timedelta(days=1), landed[0])
        self._build(first, landed[-1])
        days = [day for day in landed if day >= first]
        for table in self.project.tables:
            History.of(self.home, table).publish(Marts(self._warehouse, SCHEMA), days, now.astimezone(ZONE))

    def _build(self, first: date, last: date) -> None:
        """What dbt's incremental strategy does on DuckDB."""
        with duckdb.connect(str(self._warehouse)) as connection:
            connection.execute("set TimeZone = 'UTC'")
            events = str(self.landing.folder / "events" / "events_*.parquet")
            for model in self.project.models:
                sql = model.sql.replace(FIRST, str(first)).replace(LAST, str(last)).replace(LANDED, events)
                table = f"{SCHEMA}.{model.name}"
                connection.execute(f"delete from {table} where {model.day} between '{first}' and '{last}'")
                connection.execute(f"insert into {table} by name {sql}")

    def query(self, sql: str) -> pd.DataFrame:
        """The rows of a query over the warehouse's tables."""
        with duckdb.connect(str(self._warehouse), read_only=True) as connection:
            connection.execute(f"use {SCHEMA}")
            rows: pd.DataFrame = connection.execute(sql).df()
        return rows

    def store(self, feature_at: str = FEATURE_AT, known_at: str = KNOWN_AT) -> FeatureStore:
        """The home's store, with these columns for clocks."""
        settings = Settings(home=self.home)
        objects = build_objects(self.project.tables, settings)
        for source in objects:
            if isinstance(source, FileSource):
                source.timestamp_field, source.created_timestamp_column = feature_at, known_at
        store = open_store(settings)
        store.apply(objects)
        return store
