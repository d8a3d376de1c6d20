"""Features: published for the offline store, described to Feast, written to the online store."""

from pathlib import Path

import dagster as dg

from feature_repo import offline, online
from feature_repo.contract import FeatureTable
from feature_repo.store import build_objects
from orchestration.partitions import DAILY, IN_ONE_RUN, days_of
from orchestration.resources import (
    OWNERS,
    SETTINGS,
    SOURCE,
    TABLES,
    WAREHOUSE_POOL,
    WAREHOUSE_SCHEMA,
    FeatureStoreResource,
    WarehouseResource,
    names,
)

GROUP = "features"


def _publish(table: FeatureTable) -> dg.AssetsDefinition:
    @dg.asset(
        key=["feature_store", table.view],
        deps=[dg.AssetKey(table.name)],
        group_name=GROUP,
        kinds={"parquet", "feast"},
        owners=OWNERS,
        partitions_def=DAILY,
        backfill_policy=IN_ONE_RUN,
        description=f"{table.description} Published by day for Feast's offline store.",
        pool=WAREHOUSE_POOL,
    )
    def published(context: dg.AssetExecutionContext, warehouse: WarehouseResource) -> dg.MaterializeResult:
        folder = offline.offline_folder(SETTINGS.home, table)
        rows = offline.publish(Path(warehouse.path), WAREHOUSE_SCHEMA, table, days_of(context), folder)
        return dg.MaterializeResult(
            metadata={
                "dagster/row_count": rows,
                "features": len(table.features),
                "contract": table.checksum,
                "folder": dg.MetadataValue.path(folder),
            }
        )

    return published


published_tables = [_publish(table) for table in TABLES]


@dg.asset(group_name=GROUP, kinds={"feast"}, owners=OWNERS, deps=published_tables)
def feature_registry(feature_store: FeatureStoreResource) -> dg.MaterializeResult:
    """Feast's entities, views and services, as the contract describes them."""
    store = feature_store.open()
    objects = build_objects(TABLES, SETTINGS.home)
    store.apply(objects)
    views = {table.view: len(table.features) for table in TABLES}
    services = [service.name for service in store.list_feature_services()]
    return dg.MaterializeResult(metadata={"objects": len(objects), **views, "services": names(services)})


def _write_online(table: FeatureTable) -> dg.AssetsDefinition:
    @dg.asset(
        key=["online_store", table.view],
        deps=[feature_registry],
        group_name=GROUP,
        kinds={"feast", "sqlite"},
        owners=OWNERS,
        check_specs=[
            dg.AssetCheckSpec(
                "online_equals_offline",
                asset=["online_store", table.view],
                blocking=True,
                description="For up to 1,000 entities, each feature served online equals its published value.",
            )
        ],
        description=f"The newest row of each {table.entity} in Feast's online store; older never overwrites newer.",
    )
    def written(feature_store: FeatureStoreResource) -> dg.MaterializeResult:
        store = feature_store.open()
        newest = offline.read(table, offline.offline_folder(SETTINGS.home, table), SOURCE.last, SOURCE.last)
        outcome = online.write_newest(store, table, newest)
        parity = online.compare(store, table, newest.sample(min(len(newest), 1_000), random_state=0))
        return dg.MaterializeResult(
            metadata={"dagster/row_count": outcome.written, "rows_outdated": outcome.outdated},
            check_results=[
                dg.AssetCheckResult(
                    check_name="online_equals_offline",
                    passed=parity.different == 0,
                    metadata={
                        "compared": parity.compared,
                        "different": parity.different,
                        "features_different": names(parity.features),
                    },
                )
            ],
        )

    return written


online_tables = [_write_online(table) for table in TABLES if table.is_online]
