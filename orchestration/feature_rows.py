"""The rows of feature tables: as they were published on this machine, or the tables themselves on BigQuery."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import date
from pathlib import Path

import duckdb
import pandas as pd
import pyarrow as pa

from feature_repo import lookahead, offline, versions
from feature_repo.contract import FeatureTable
from feature_repo.offline import MOMENT, History
from feature_repo.versions import RETRACTED, newest_of_each
from ga4_export.bigquery import as_duckdb
from orchestration.resources import SETTINGS, SOURCE, FeatureStoreResource, WarehouseResource

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
            fetched = _of_keys(warehouse, table, [key for (key,) in found], SOURCE.first, SOURCE.last)
            connection.register("fetched", fetched)
            every_version = "select * from fetched"
        else:
            every_version = History.of(SETTINGS.home, table).all_versions
        lookahead.probe(connection, rows, table, every_version)


def known_then(
    warehouse: WarehouseResource, table: FeatureTable, moments: pd.DataFrame, first: date, last: date
) -> pd.DataFrame:
    """For each of `moments`, in their order, the row of `table` that was known then, of those of the days between."""
    with _every_version(warehouse, table, moments, first, last) as (connection, rows):
        frame: pd.DataFrame = connection.execute(versions.known_then(rows, "from moments", table)).df()
    return frame


def count_versions(
    warehouse: WarehouseResource, table: FeatureTable, moments: pd.DataFrame, first: date, last: date
) -> list[int]:
    """How many versions there are of the row of each of `moments`; where there are more than one, it was corrected."""
    with _every_version(warehouse, table, moments, first, last) as (connection, rows):
        return [count for (count,) in connection.execute(versions.counted(rows, "from moments", table)).fetchall()]


@contextmanager
def _every_version(
    warehouse: WarehouseResource, table: FeatureTable, moments: pd.DataFrame, first: date, last: date
) -> Iterator[tuple[duckdb.DuckDBPyConnection, str]]:
    """A connection in which `moments` have their place, and SQL for all versions of rows of the days between."""
    placed = moments[[table.join_key, MOMENT]].assign(place=range(len(moments)))
    with duckdb.connect() as connection:
        connection.register("moments", placed)
        if SETTINGS.profile == "gcp":
            connection.register("fetched", _of_keys(warehouse, table, placed[table.join_key], first, last))
            yield connection, "select * from fetched"
        else:
            days = f"{table.day} between date '{first}' and date '{last}'"
            yield connection, f"select * from ({History.of(SETTINGS.home, table).all_versions}) where {days}"


def _of_keys(
    warehouse: WarehouseResource, table: FeatureTable, keys: Iterable[str], first: date, last: date
) -> pd.DataFrame:
    """The rows of some entities, which are told as one text: a query has room for so many parameters only."""
    among = f"{table.join_key} in unnest(split($keys, chr(10)))"
    return warehouse.query(f"{_between(table, first, last)} and {among}", {"keys": "\n".join(sorted(set(keys)))})


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
