"""Features: published for the offline store, described to Feast, written to the online store."""

from collections.abc import Sequence
from datetime import date, datetime, timedelta
from pathlib import Path

import dagster as dg

from feature_repo import online
from feature_repo.contract import FeatureTable
from feature_repo.offline import History, Marts
from feature_repo.store import build_objects
from feature_repo.versions import RETRACTED
from orchestration import feature_rows
from orchestration.partitions import DAILY, IN_ONE_RUN, days_of, is_rebuild
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
        deps=[dg.AssetKey(table.name), dg.AssetKey("stg_ga4__source_files")],
        group_name=GROUP,
        kinds={"parquet", "feast"},
        owners=OWNERS,
        partitions_def=DAILY,
        backfill_policy=IN_ONE_RUN,
        description=f"{table.description} Published by day for Feast's offline store.",
        pool=WAREHOUSE_POOL,
    )
    def published(context: dg.AssetExecutionContext, warehouse: WarehouseResource) -> dg.MaterializeResult:
        warehouse.take()
        history = History.of(SETTINGS.home, table)
        if is_rebuild(context):
            history.forget()
        days, marts = days_of(context), Marts(Path(warehouse.path), WAREHOUSE_SCHEMA)
        publication = history.publish(marts, days, datetime.now(SETTINGS.zone), _remembering(days, table))
        return dg.MaterializeResult(
            metadata={
                "dagster/row_count": publication.rows,
                "rows_corrected": publication.corrections,
                "features": len(table.features),
                "contract": table.checksum,
                "folder": dg.MetadataValue.path(history.folder),
            }
        )

    return published


def _count(table: FeatureTable) -> dg.AssetsDefinition:
    @dg.asset(
        key=["feature_store", table.view],
        deps=[dg.AssetKey(table.name), dg.AssetKey("stg_ga4__source_files")],
        group_name=GROUP,
        kinds={"bigquery", "feast"},
        owners=OWNERS,
        partitions_def=DAILY,
        backfill_policy=IN_ONE_RUN,
        description=f"{table.description} Feast's offline store reads the table itself; nothing is copied.",
    )
    def counted(context: dg.AssetExecutionContext, warehouse: WarehouseResource) -> dg.MaterializeResult:
        days = days_of(context)
        return dg.MaterializeResult(
            metadata={
                "dagster/row_count": warehouse.count(
                    table.name, f"{table.day} between date '{days[0]}' and date '{days[-1]}'"
                ),
                "features": len(table.features),
                "contract": table.checksum,
            }
        )

    return counted


def _remembering(days: Sequence[date], table: FeatureTable) -> Sequence[date]:
    """The days after `days` whose rows remember them."""
    last = min(days[-1] + timedelta(days=table.remembered_days - 1), SOURCE.last)
    return [days[-1] + timedelta(days=n) for n in range(1, (last - days[-1]).days + 1)]


published_tables = [_count(table) if SETTINGS.profile == "gcp" else _publish(table) for table in TABLES]


@dg.asset(group_name=GROUP, kinds={"feast"}, owners=OWNERS, deps=published_tables)
def feature_registry(feature_store: FeatureStoreResource) -> dg.MaterializeResult:
    """Feast's entities, views and services, as the contract describes them."""
    store = feature_store.open()
    objects = build_objects(TABLES, SETTINGS)
    store.apply(objects)
    views = {table.view: len(table.features) for table in TABLES}
    services = [service.name for service in store.list_feature_services()]
    return dg.MaterializeResult(metadata={"objects": len(objects), **views, "services": names(services)})


def _write_online(table: FeatureTable) -> dg.AssetsDefinition:
    @dg.asset(
        key=["online_store", table.view],
        deps=[feature_registry],
        group_name=GROUP,
        kinds={"feast", "redis" if SETTINGS.profile == "gcp" else "sqlite"},
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
    def written(
        context: dg.AssetExecutionContext, warehouse: WarehouseResource, feature_store: FeatureStoreResource
    ) -> dg.MaterializeResult:
        store = feature_store.open()
        rows = feature_rows.read_to_serve(warehouse, table, SOURCE.last)
        current = rows[~rows[RETRACTED]]
        if is_rebuild(context):
            online.clear(store, table)
        outcome = online.write_newest(store, table, rows)
        parity = online.compare(store, table, current.sample(min(len(current), 1_000), random_state=0))
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
