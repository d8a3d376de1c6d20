"""The offline store: feature tables published as Parquet, and training sets joined from them by both clocks."""

from collections.abc import Iterable
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING

import duckdb
import pandas as pd

from feature_repo.contract import FEATURE_AT, KNOWN_AT, FeatureTable

if TYPE_CHECKING:
    from feast import FeatureStore

MOMENT = "event_timestamp"
"""Feast's name for the moment as of which features are looked up."""


def offline_folder(home: Path, table: FeatureTable) -> Path:
    """The folder of a feature table's published days."""
    return home / "feature_store" / "offline" / table.view


def publish(warehouse: Path, schema: str, table: FeatureTable, days: Iterable[date], folder: Path) -> int:
    """Write each of `days` of a feature table to its own file in `folder`; returns the rows written.

    A day's file is replaced whole, so that a reader sees the old day or the new one.
    """
    folder.mkdir(parents=True, exist_ok=True)
    rows = 0
    with duckdb.connect(str(warehouse), read_only=True) as connection:
        for day in days:
            file = folder / f"{day.isoformat()}.parquet"
            partial = file.with_suffix(".partial")
            written = connection.execute(
                f"copy (select * from {schema}.{table.name} where {table.day} = $day) to '{partial}' (format parquet)",
                {"day": day},
            ).fetchone()
            partial.replace(file)
            rows += written[0] if written else 0
    return rows


def read(table: FeatureTable, folder: Path, first: date, last: date) -> pd.DataFrame:
    """The published rows of a feature table from `first` to `last`, both included."""
    rows: pd.DataFrame = duckdb.execute(
        f"select * from read_parquet('{folder}/*.parquet') where {table.day} between $first and $last",
        {"first": first, "last": last},
    ).df()
    return rows


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
