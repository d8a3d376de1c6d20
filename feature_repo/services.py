"""Which features a model reads, as Feast feature services."""

from collections.abc import Iterable, Mapping

from feast import FeatureService, FeatureView

from feature_repo.contract import FeatureTable, checksum


def build_service(model: str, tables: Iterable[FeatureTable], views: Mapping[str, FeatureView]) -> FeatureService:
    """The features of `model` over all tables, in contract order."""
    read = tuple(table for table in tables if table.features_of(model))
    return FeatureService(
        name=f"{model}_v1",
        features=[views[table.view][[column.name for column in table.features_of(model)]] for table in read],
        description=f"What the model {model} reads.",
        tags={"contract": checksum(read)},
    )
