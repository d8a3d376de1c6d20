"""The offline store: feature tables published as Parquet, and training sets joined from them by both clocks."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import duckdb
import pandas as pd

from feature_repo import versions
from feature_repo.contract import FEATURE_AT, KNOWN_AT, FeatureTable
from ga4_export import whole

if TYPE_CHECKING:
    from feast import FeatureStore

MOMENT = "event_timestamp"
"""Feast's name for the moment as of which features are looked up."""

_FILES = "*.parquet"
_CORRECTIONS = "corrections_*.parquet"


@dataclass(frozen=True)
class Marts:
    """Where dbt's tables lie: a schema of a DuckDB file."""

    warehouse: Path
    schema: str


@dataclass(frozen=True)
class Publication:
    """The rows of the days published, and how many versions were written to correct what stood there before."""

    rows: int
    corrections: int


def offline_folder(home: Path, table: FeatureTable) -> Path:
    """The folder of a feature table's published rows: `<day>.parquet`, and `corrections_<time>.parquet` since then."""
    return home / "feature_store" / "offline" / table.view


def publish(
    marts: Marts,
    table: FeatureTable,
    days: Sequence[date],
    folder: Path,
    now: datetime,
    remembering: Sequence[date] = (),
) -> Publication:
    """Bring the published history of a feature table in `folder` to what its rows of `days` are `now`.

    A day that is new is written as it is. What changed of any other is written as versions known from `now` on, a time
    on the property's clock; so is what changed on later days, once published, that are `remembering` them. Each file
    is written whole, so that a reader sees all of a correction or nothing.
    """
    folder.mkdir(parents=True, exist_ok=True)
    source, files = f"{marts.schema}.{table.name}", str(folder / _FILES)
    published = {day for day in (*days, *remembering) if _first_file(folder, day).is_file()}
    new = [day for day in days if day not in published]
    # who was there on the days is all that a later day can remember of them
    among = {day: "true" for day in days} | {day: f"{table.join_key} in (from there)" for day in remembering}
    again = [day for day in among if day in published]
    at = now.astimezone(UTC)
    first = versions.first(source, table)
    with duckdb.connect(str(marts.warehouse), read_only=True) as connection:
        # before new days are written: until then a repeated run finds the same to correct
        corrections = 0
        if again:
            connection.execute(f"create temp table there as {versions.there(source, files, table)}", {"days": days})
            connection.execute(f"create temp table corrections as {first} limit 0", {"day": days[0]})
        # a day after the other, so that memory does not grow with their number
        for day in again:
            query = versions.corrections(source, files, table, at, str(now.tzinfo), among[day])
            connection.execute(f"insert into corrections by name {query}", {"again": day, "new": new})
        if again and connection.execute("select 1 from corrections limit 1").fetchone():
            file = folder / f"corrections_{at:%Y%m%dT%H%M%S%f}.parquet"
            corrections = _write(connection, "from corrections", {}, file)
        for day in new:
            _write(connection, first, {"day": day}, _first_file(folder, day))
        rows = connection.execute(f"select count(*) from {source} where {table.day} in $days", {"days": days})
        return Publication(_only(rows), corrections)


def forget(folder: Path) -> None:
    """Remove a published history, which rows made by other code or settings can't go on with."""
    for file in folder.glob(_FILES):
        file.unlink()


def rows(table: FeatureTable, folder: Path, first: date, last: date) -> str:
    """SQL for the rows of a feature table from `first` to `last`, both included, in their newest published version."""
    newest = versions.newest(str(folder / _FILES), table, f"between date '{first}' and date '{last}'")
    return f"select * exclude ({versions.RETRACTED}) from ({newest}) where not {versions.RETRACTED}"


def read(table: FeatureTable, folder: Path, first: date, last: date) -> pd.DataFrame:
    """The rows of a feature table from `first` to `last`, both included, in their newest published version."""
    frame: pd.DataFrame = duckdb.execute(rows(table, folder, first, last)).df()
    return frame


def read_to_serve(table: FeatureTable, folder: Path, day: date) -> pd.DataFrame:
    """The rows of `day`, and what stands in for rows up to it that are no more; `is_retracted` tells which they are."""
    query = versions.newest(str(folder / _FILES), table, f"= date '{day}'")
    if any(folder.glob(_CORRECTIONS)):
        earlier = versions.newest(str(folder / _CORRECTIONS), table, f"< date '{day}'")
        query = f"({query}) union all by name (from ({earlier}) where {versions.RETRACTED})"
    frame: pd.DataFrame = duckdb.execute(query).df()
    return frame


def training_frame(store: "FeatureStore", service: str, labels: pd.DataFrame) -> pd.DataFrame:
    """`labels` with the features of `service` beside them, each as it was known at the row's `event_timestamp`.

    Rows are kept as they are, one a label; what was not known at its moment is null.
    """
    from feast.errors import FeatureServiceNotFoundException

    try:
        features = store.get_feature_service(service)
    except FeatureServiceNotFoundException:
        raise LookupError(f"Feature service {service!r} is not applied; materialise feature_registry first.") from None
    job = store.get_historical_features(labels, features, filter_by_created_timestamp=True)
    frame: pd.DataFrame = job.to_df()
    if len(frame) != len(labels):
        raise ValueError(f"Joining {service} gave {len(frame)} rows for {len(labels)} labels; one each is needed.")
    return frame.drop(columns=[FEATURE_AT, KNOWN_AT], errors="ignore")


def _first_file(folder: Path, day: date) -> Path:
    return folder / f"{day.isoformat()}.parquet"


def _write(connection: duckdb.DuckDBPyConnection, query: str, values: Mapping[str, Any], file: Path) -> int:
    """Write the rows of a query to a file; returns how many."""
    with whole.written(file) as partial:
        return _only(connection.execute(f"copy ({query}) to '{partial}' (format parquet)", values))


def _only(result: duckdb.DuckDBPyConnection) -> int:
    """The number that a statement gives."""
    row = result.fetchone()
    return int(row[0]) if row else 0
