"""Where Feast finds the history of a feature table: Parquet files, one a day."""

from pathlib import Path

from feast import FileSource
from feast.data_format import ParquetFormat

from feature_repo.contract import FEATURE_AT, KNOWN_AT, FeatureTable
from feature_repo.offline import offline_folder


def build_source(table: FeatureTable, home: Path) -> FileSource:
    """The source of a feature table, with both of its clocks."""
    return FileSource(
        name=f"{table.view}_source",
        path=str(offline_folder(home, table) / "*.parquet"),
        file_format=ParquetFormat(),
        timestamp_field=FEATURE_AT,
        created_timestamp_column=KNOWN_AT,
        description=table.description,
    )
