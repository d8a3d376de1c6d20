"""What assets are handed; settings are read here, once."""

from collections.abc import Mapping, Sequence
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

import dagster as dg
import duckdb
import pandas as pd
from dagster_dbt import DbtCliResource
from packaging.version import Version

from feature_repo import contract
from feature_repo.store import open_store
from ga4_export.landing import Landing
from tactful import settings as tactful_settings
from tactful.dbt import MANIFEST
from tactful.source import source_of

if TYPE_CHECKING:
    from feast import FeatureStore

    from ml.registry import Registry

SETTINGS = tactful_settings.load()
SOURCE = source_of(SETTINGS)
TABLES = contract.load(MANIFEST)
DBT_PROJECT = MANIFEST.parents[1]
WAREHOUSE_SCHEMA = "tactful"
WAREHOUSE_POOL = "warehouse"
"""DuckDB lets one process in at a time; whatever opens the warehouse stands in this queue."""
OWNERS = ["team:data"]


class LandingResource(dg.ConfigurableResource):
    """The landing of GA4 export days."""

    home: str
    time_zone: str
    export_delay_hours: int

    def open(self) -> Landing:
        delay = timedelta(hours=self.export_delay_hours)
        return Landing(Path(self.home) / "ga4_export", ZoneInfo(self.time_zone), delay)


class WarehouseResource(dg.ConfigurableResource):
    """The DuckDB warehouse that dbt builds, for reading."""

    path: str

    def query(self, sql: str, parameters: Mapping[str, Any] | None = None) -> pd.DataFrame:
        """The rows of a query; tables are named without their schema."""
        with duckdb.connect(self.path, read_only=True) as connection:
            connection.execute(f"use {WAREHOUSE_SCHEMA}")
            rows: pd.DataFrame = connection.execute(sql, parameters or {}).df()
        return rows

    def count(self, table: str, condition: str = "true") -> int:
        """The rows of a table that meet a condition."""
        return int(self.query(f"select count(*) as rows from {table} where {condition}")["rows"].iloc[0])


class FeatureStoreResource(dg.ConfigurableResource):
    """Feast's store of the home."""

    home: str

    def open(self) -> "FeatureStore":
        return open_store(Path(self.home))


class RegistryResource(dg.ConfigurableResource):
    """MLflow's tracking store and model registry of the home."""

    home: str

    def open(self) -> "Registry":
        from ml.registry import Registry

        return Registry.of(Path(self.home))


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
        "landing": LandingResource(
            home=home, time_zone=SETTINGS.time_zone, export_delay_hours=SETTINGS.export_delay_hours
        ),
        "dbt": Dbt(project_dir=str(DBT_PROJECT), profiles_dir=str(DBT_PROJECT)),
        "warehouse": WarehouseResource(path=str(SETTINGS.home / "warehouse.duckdb")),
        "feature_store": FeatureStoreResource(home=home),
        "registry": RegistryResource(home=home),
        "reports": ReportsResource(
            folder=str(SETTINGS.home / "reports"), url=f"http://127.0.0.1:{SETTINGS.reports_port}"
        ),
    }


def count_metadata(counts: Mapping[str, int]) -> dict[str, dg.MetadataValue]:
    """Counts as Dagster metadata."""
    return {name: dg.MetadataValue.int(count) for name, count in counts.items()}


def names(values: Sequence[str]) -> dg.MetadataValue:
    """A list of names as Dagster metadata; empty when there are none."""
    return dg.MetadataValue.text(", ".join(values))
