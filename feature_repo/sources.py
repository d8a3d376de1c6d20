"""Where Feast finds the history of a feature table: Parquet files by day, or the warehouse's own table on BigQuery."""

from feast import BigQuerySource, FileSource
from feast.data_format import ParquetFormat

from feature_repo.contract import FEATURE_AT, KNOWN_AT, FeatureTable
from feature_repo.offline import offline_folder
from tactful.settings import Settings


def build_source(table: FeatureTable, settings: Settings) -> BigQuerySource | FileSource:
    """The source of a feature table, with both of its clocks."""
    if settings.profile == "gcp":
        relation = f"{settings.gcp_project}.{settings.warehouse_dataset}.{table.name}"
        return BigQuerySource(
            name=f"{table.view}_source",
            # a table that asks for a filter on its day gets one that holds of every row: a history is joined by its
            # clocks, and a row's day may be the one before its feature_at
            query=f"select * from `{relation}` where {table.day} >= date '1970-01-01'",
            timestamp_field=FEATURE_AT,
            created_timestamp_column=KNOWN_AT,
            description=table.description,
        )
    return FileSource(
        name=f"{table.view}_source",
        path=str(offline_folder(settings.home, table) / "*.parquet"),
        file_format=ParquetFormat(),
        timestamp_field=FEATURE_AT,
        created_timestamp_column=KNOWN_AT,
        description=table.description,
    )
