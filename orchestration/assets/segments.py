"""Segments: the users of the last 28 days in groups that keep their ids and names from week to week."""

from pathlib import Path
from tempfile import TemporaryDirectory

import dagster as dg

from ml.specs import USER_SEGMENTS
from orchestration import feature_rows
from orchestration.assets.features import SAID_BY_MODELS
from orchestration.assets.models import terms_of
from orchestration.metadata import not_trained, segment_metadata
from orchestration.partitions import is_rebuild
from orchestration.resources import (
    OWNERS,
    SETTINGS,
    SOURCE,
    TABLES,
    WAREHOUSE_POOL,
    RegistryResource,
    WarehouseResource,
)

SEGMENTS = next(table for table in TABLES if table.view == USER_SEGMENTS.name)
"""The feature table that tells users' segments."""
_READ = next(table for table in TABLES if table.features_of(USER_SEGMENTS.name))
_FEATURES = dg.AssetKey(["feature_store", _READ.view])


@dg.asset(
    name=USER_SEGMENTS.name,
    deps=[_FEATURES],
    group_name=SAID_BY_MODELS,
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

    rows = feature_rows.read(warehouse, _READ, SOURCE.last, SOURCE.last)
    # in an order of their own, since those who are fitted on are drawn by their places
    users = Users(
        rows.sort_values(_READ.join_key, ignore_index=True), _READ.features_of(USER_SEGMENTS.name), SOURCE.last
    )
    with TemporaryDirectory() as folder:
        try:
            release = release_segments(
                USER_SEGMENTS, users, registry.open(), terms_of((_READ,), warehouse), Path(folder)
            )
        except TooFewUsers as refusal:
            return not_trained(context, refusal)
        return dg.MaterializeResult(metadata=segment_metadata(release, SETTINGS.mlflow_port))


@dg.asset(
    deps=[user_segments, _FEATURES],
    group_name=SAID_BY_MODELS,
    kinds={"scikitlearn", "bigquery" if SETTINGS.profile == "gcp" else "duckdb"},
    owners=OWNERS,
    pool=WAREHOUSE_POOL,
)
def user_segment_labels(
    context: dg.AssetExecutionContext, registry: RegistryResource, warehouse: WarehouseResource
) -> dg.MaterializeResult:
    """The segment of each user of the newest day, as the champion judges them; none where there is no champion."""
    from ml.segment_labels import label_users

    table = user_segment_labels.key.path[-1]
    if is_rebuild(context):
        # labels of another contract, or of users known by other ids
        warehouse.forget(table)
    users = feature_rows.read(warehouse, _READ, SOURCE.last, SOURCE.last)
    labels = label_users(registry.open(), USER_SEGMENTS.name, _READ, users)
    warehouse.replace_day(table, _READ.day, SOURCE.last, labels)
    return dg.MaterializeResult(metadata={"dagster/row_count": len(labels), "day": SOURCE.last.isoformat()})
