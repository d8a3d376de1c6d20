"""Segments: the users of the last 28 days in groups that keep their ids and names from week to week."""

from pathlib import Path
from tempfile import TemporaryDirectory

import dagster as dg

from ml.specs import USER_SEGMENTS
from orchestration import feature_rows
from orchestration.assets.models import GROUP, terms
from orchestration.metadata import segment_metadata
from orchestration.resources import (
    OWNERS,
    SETTINGS,
    SOURCE,
    TABLES,
    WAREHOUSE_POOL,
    RegistryResource,
    WarehouseResource,
)


@dg.asset(
    name=USER_SEGMENTS.name,
    deps=[dg.AssetKey(["feature_store", table.view]) for table in TABLES if table.features_of(USER_SEGMENTS.name)],
    group_name=GROUP,
    kinds={"scikitlearn", "mlflow"},
    owners=OWNERS,
    description=f"{USER_SEGMENTS.description} Groups of the users of the last 28 days; each keeps its id and name.",
    pool=WAREHOUSE_POOL,
)
def user_segments(
    context: dg.AssetExecutionContext, registry: RegistryResource, warehouse: WarehouseResource
) -> dg.MaterializeResult:
    """Groups of the users seen in the last 28 days."""
    from ml.segment_release import Users, release_segments
    from ml.segments import TooFewUsers

    table = next(table for table in TABLES if table.features_of(USER_SEGMENTS.name))
    rows = feature_rows.read(warehouse, table, SOURCE.last, SOURCE.last)
    users = Users(rows, table.features_of(USER_SEGMENTS.name), SOURCE.last)
    with TemporaryDirectory() as folder:
        try:
            release = release_segments(USER_SEGMENTS, users, registry.open(), terms((table,), warehouse), Path(folder))
        except TooFewUsers as refusal:
            context.log.warning(str(refusal))
            return dg.MaterializeResult(metadata={"status": "not_trained", "reason": str(refusal)})
        return dg.MaterializeResult(metadata=segment_metadata(release, SETTINGS.mlflow_port))
