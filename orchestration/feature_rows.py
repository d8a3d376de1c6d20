"""The rows of feature tables: as they were published on this machine, or the tables themselves on BigQuery."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date
from pathlib import Path

import duckdb
import pandas as pd
import pyarrow as pa

from feature_repo import lookahead, offline
from feature_repo.contract import FeatureTable
from feature_repo.offline import History
from feature_repo.versions import RETRACTED, newest_of_each
from ga4_export.bigquery import as_duckdb
from orchestration.resources import ALL_DAYS, SETTINGS, FeatureStoreResource, WarehouseResource

PROBED_ROWS = 1_000


def read(warehouse: WarehouseResource, table: FeatureTable, first: date, last: date) -> pd.DataFrame:
    """The rows of the days from `first` to `last`, both included."""
    if SETTINGS.profile == "gcp":
        return warehouse.query(_between(table, first, last))
    return History.of(SETTINGS.home, table).read(first, last)


def _between(table: FeatureTable, first: date, last: date) -> str:
    return f"select * from {table.name} where {table.day} between date '{first}' and date '{last}'"


def read_there(warehouse: WarehouseResource, table: FeatureTable, day: date) -> pd.DataFrame:
    """The rows of those entities that were there on `day`."""
    with queried(warehouse, table, day, day) as (connection, rows):
        frame: pd.DataFrame = connection.execute(f"from ({rows}) where {table.was_there}").df()
    return frame


def read_to_serve(warehouse: WarehouseResource, table: FeatureTable, day: date) -> pd.DataFrame:
    """What `History.read_to_serve` gives; BigQuery's tables keep no retracted rows."""
    if SETTINGS.profile == "gcp":
        rows = newest_of_each(_between(table, table.tells_since(day), day), table)
        return warehouse.query(rows).assign(**{RETRACTED: False})
    return History.of(SETTINGS.home, table).read_to_serve(day)


@contextmanager
def queried(
    warehouse: WarehouseResource, table: FeatureTable, first: date, last: date
) -> Iterator[tuple[duckdb.DuckDBPyConnection, str]]:
    """A connection, and SQL for the rows of the days from `first` to `last` in it."""
    with duckdb.connect() as connection:
        if SETTINGS.profile == "gcp":
            connection.register("fetched", read(warehouse, table, first, last))
            yield connection, "select * from fetched"
        else:
            yield connection, History.of(SETTINGS.home, table).rows(first, last)


def refuse_lookahead(warehouse: WarehouseResource, table: FeatureTable, training_set: Path) -> None:
    """Hold up to PROBED_ROWS rows of a training set's file to all that `table` has ever held of them.

    Raises:
        LookAheadError: a row holds what was not known at its moment.
    """
    every_row = f"from read_parquet('{training_set}')"
    rows = f"select * from ({every_row}) using sample reservoir({PROBED_ROWS} rows) repeatable (7)"
    with duckdb.connect() as connection:
        if SETTINGS.profile == "gcp":
            found = connection.execute(f"select distinct {table.join_key} from ({rows})").fetchall()
            of_keys = f"where {table.day} {ALL_DAYS} and {table.join_key} in unnest(split($keys, chr(10)))"
            keys = "\n".join(key for (key,) in found)
            fetched = warehouse.query(f"select * from {table.name} {of_keys}", {"keys": keys})
            connection.register("fetched", fetched)
            versions = "select * from fetched"
        else:
            versions = History.of(SETTINGS.home, table).all_versions
        lookahead.probe(connection, rows, table, versions)


def training_frame(feature_store: FeatureStoreResource, service: str, labels: pd.DataFrame) -> pd.DataFrame:
    """`labels` with the features of `service` beside them, as `offline.training_frame` joins them."""
    frame = offline.training_frame(feature_store.open(), service, labels)
    return as_joined_here(frame) if SETTINGS.profile == "gcp" else frame


def as_joined_here(frame: pd.DataFrame) -> pd.DataFrame:
    """A frame that Feast joined on BigQuery, with the types that its join on DuckDB gives: times and days are UTC."""
    plain = as_duckdb(pa.Table.from_pandas(frame, preserve_index=False))
    for name in plain.select_dtypes("datetime"):
        plain[name] = plain[name].dt.tz_localize("UTC")
    return plain
