"""What assets are handed; settings are read here, once."""

import json
from collections.abc import Mapping, Sequence
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any

import dagster as dg
import duckdb
import pandas as pd
from dagster_dbt import DbtCliResource
from packaging.version import Version
from pydantic import PrivateAttr
from typing_extensions import override

from feature_repo import contract
from feature_repo.store import open_store
from ga4_export import bigquery
from ga4_export.landing import Landing
from orchestration import orphans
from orchestration.turns import OfOneRun
from tactful import settings as tactful_settings
from tactful.dbt import MANIFEST
from tactful.known import known_source
from tactful.landing import landing_of

if TYPE_CHECKING:
    from feast import FeatureStore
    from google.cloud.bigquery import Client

    from ml.registry import Registry

SETTINGS = tactful_settings.load()
SOURCE = known_source(SETTINGS)
TABLES = contract.load(MANIFEST)
DBT_PROJECT = MANIFEST.parents[1]
WAREHOUSE_SCHEMA = "tactful"
WAREHOUSE_POOL = "warehouse"
"""DuckDB lets one process in at a time; whatever opens the warehouse stands in this queue."""
OWNERS = ["team:data"]
ALL_DAYS = f"between date '{SOURCE.first}' and date '{SOURCE.last}'"
"""The days of the source, as a condition of SQL; BigQuery refuses to read a daily table without one."""


def all_rows(table: str) -> str:
    """SQL of all rows of a dbt model, those of a daily one with the condition that BigQuery asks for."""
    nodes = json.loads(MANIFEST.read_text())["nodes"].values()
    (meta,) = (node["config"]["meta"] for node in nodes if (node["resource_type"], node["name"]) == ("model", table))
    return f"select * from {table}" + (f" where {meta['day']} {ALL_DAYS}" if "day" in meta else "")


def refuse_unreadable() -> None:
    """Refuse to act on an export whose days can't be looked at: those that are known of it may not be all.

    Raises:
        dagster.Failure: it can't be looked at.
    """
    if SOURCE.trouble:
        raise dg.Failure(SOURCE.trouble, allow_retries=False)


class OfTheExport(OfOneRun):
    """What builds from the export's days."""

    @override
    def take(self) -> None:
        refuse_unreadable()
        super().take()


class LandingResource(OfTheExport):
    """The landing of GA4 export days."""

    def open(self) -> Landing:
        self.take()
        # settings are no field: Dagster shows what a resource was given, and these may hold a key
        return landing_of(SETTINGS.model_copy(update={"home": Path(self.home)}))


class WarehouseResource(OfTheExport):
    """The DuckDB warehouse that dbt builds; SQL is such that BigQuery understands it too."""

    path: str
    _is_free: bool = PrivateAttr(default=False)

    @override
    def take(self) -> None:
        super().take()
        if self.path and not self._is_free:
            orphans.wait_for_end(Path(self.path))
            self._is_free = True

    def query(self, sql: str, parameters: Mapping[str, Any] | None = None) -> pd.DataFrame:
        """The rows of a query; tables are named without their schema, parameters as `$name`."""
        self.take()
        with duckdb.connect(self.path, read_only=True) as connection:
            connection.execute(f"use {WAREHOUSE_SCHEMA}")
            rows: pd.DataFrame = connection.execute(sql, parameters or {}).df()
        return rows

    def replace_day(self, table: str, column: str, day: date, rows: pd.DataFrame) -> None:
        """Put `rows` in the place of those that `table` holds of a day, column by name; times are UTC."""
        self.take()
        with duckdb.connect(self.path) as connection:
            connection.execute(f"use {WAREHOUSE_SCHEMA}; begin")
            connection.execute(f"delete from {table} where {column} = $day", {"day": day})
            if not rows.empty:
                connection.register("fresh", rows)
                connection.execute(f"insert into {table} by name select * from fresh")
            connection.execute("commit")

    def forget(self, table: str) -> None:
        """Remove all rows of a table."""
        self.take()
        with duckdb.connect(self.path) as connection:
            connection.execute(f"truncate table {WAREHOUSE_SCHEMA}.{table}")

    def count(self, table: str, condition: str = "") -> int:
        """The rows of a table, or those that meet a condition."""
        where = f"where {condition}" if condition else ""
        return int(self.query(f"select count(*) as row_count from {table} {where}")["row_count"].iloc[0])


class BigQueryWarehouseResource(WarehouseResource):
    """The warehouse on BigQuery; a query gives the frame that DuckDB would."""

    path: str = ""
    project: str
    location: str
    dataset: str

    def open(self) -> "Client":
        self.take()
        return bigquery.open_client(self.project, self.location)

    @override
    def query(self, sql: str, parameters: Mapping[str, Any] | None = None) -> pd.DataFrame:
        return bigquery.query(self.open(), self.dataset, sql, parameters or {})

    @override
    def replace_day(self, table: str, column: str, day: date, rows: pd.DataFrame) -> None:
        client = self.open()
        if rows.empty:
            bigquery.change(client, self.dataset, f"delete from {table} where {column} = date '{day}'")
        else:
            bigquery.replace_day(client, f"{self.project}.{self.dataset}.{table}", day, rows)

    @override
    def forget(self, table: str) -> None:
        bigquery.change(self.open(), self.dataset, f"truncate table {table}")

    @override
    def count(self, table: str, condition: str = "") -> int:
        if condition:
            return super().count(table, condition)
        # the table's own figure costs nothing, and needs no filter on the day
        with bigquery.told():
            return int(self.open().get_table(f"{self.project}.{self.dataset}.{table}").num_rows or 0)


class FeatureStoreResource(OfTheExport):
    """Feast's store of the profile."""

    def open(self) -> "FeatureStore":
        self.take()
        return open_store(SETTINGS)


class RegistryResource(dg.ConfigurableResource):
    """MLflow's tracking store and model registry of the profile."""

    def open(self) -> "Registry":
        from ml.registry import Registry

        return Registry.of(SETTINGS)


class ReportsResource(dg.ConfigurableResource):
    """The folder of pages that people read, and the address under which `tactful ui` shows it."""

    folder: str
    url: str

    def path(self, *parts: str) -> Path:
        """A place in the folder, whose parent exists."""
        path = Path(self.folder, *parts)
        path.parent.mkdir(parents=True, exist_ok=True)
        return path

    def link(self, *parts: str) -> dg.UrlMetadataValue:
        return dg.MetadataValue.url("/".join((self.url, *parts)))


class Dbt(DbtCliResource):
    """dbt's command line; its version is read from the package, since asking `dbt --version` asks the package index."""

    @property
    def _cli_version(self) -> Version:
        from dbt.version import get_installed_version

        return Version(get_installed_version().to_version_string(skip_matcher=True))


def build_resources() -> dict[str, dg.ConfigurableResource]:
    """The resources of the home that the settings name."""
    home = str(SETTINGS.home)
    return {
        "landing": LandingResource(home=home),
        "turn": OfOneRun(home=home),
        "dbt": Dbt(project_dir=str(DBT_PROJECT), profiles_dir=str(DBT_PROJECT)),
        "warehouse": _warehouse(),
        "feature_store": FeatureStoreResource(home=home),
        "registry": RegistryResource(),
        "reports": ReportsResource(
            folder=str(SETTINGS.home / "reports"), url=f"http://127.0.0.1:{SETTINGS.reports_port}"
        ),
    }


def _warehouse() -> WarehouseResource:
    if SETTINGS.profile == "gcp":
        return BigQueryWarehouseResource(
            home=str(SETTINGS.home),
            project=str(SETTINGS.gcp_project),
            location=str(SETTINGS.gcp_location),
            dataset=SETTINGS.warehouse_dataset,
        )
    return WarehouseResource(home=str(SETTINGS.home), path=str(SETTINGS.home / "warehouse.duckdb"))


def count_metadata(counts: Mapping[str, int]) -> dict[str, dg.MetadataValue]:
    """Counts as Dagster metadata."""
    return {name: dg.MetadataValue.int(count) for name, count in counts.items()}


def names(values: Sequence[str]) -> dg.JsonMetadataValue:
    """A list of names as Dagster metadata; empty when there are none."""
    return dg.MetadataValue.json(list(values))
