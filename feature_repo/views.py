"""A feature table as Feast sees it."""

from feast import FeatureView, Field
from feast.data_source import DataSource
from feast.types import Bool, FeastType, Float64, Int64, String

from feature_repo.contract import DataType, FeatureTable
from feature_repo.entities import ENTITIES

# No default: a type that models can't read must be refused, not guessed.
FEAST_TYPES: dict[DataType, FeastType] = {"string": String, "int64": Int64, "float64": Float64, "bool": Bool}


def build_view(table: FeatureTable, source: DataSource) -> FeatureView:
    """The view of a feature table; its checksum tag tells which contract it was built from."""
    return FeatureView(
        name=table.view,
        entities=[ENTITIES[table.entity]],
        ttl=table.ttl,
        schema=[
            Field(name=column.name, dtype=FEAST_TYPES[column.data_type], description=column.description)
            for column in table.features
        ],
        source=source,
        online=table.is_online,
        description=table.description,
        tags={"dbt_model": table.name, "contract": table.checksum},
    )
