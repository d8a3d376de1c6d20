"""Features: published for the offline store, described to Feast, written to the online store."""

from collections.abc import Mapping, Sequence
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
SAID_BY_MODELS = "said_by_models"
"""The group, and dbt's tag, of what models say of users: were it among the features, groups would wait in a circle."""


def _feature_table(table: FeatureTable) -> dg.AssetsDefinition:
    kind, stored, tell = (
        ("bigquery", "Feast's offline store reads the table itself; nothing is copied.", _count)
        if SETTINGS.profile == "gcp"
        else ("parquet", "Published by day for Feast's offline store.", _publish)
    )

    @dg.asset(
        key=["feature_store", table.view],
        deps=[dg.AssetKey(table.name), dg.AssetKey("stg_ga4__source_files")],
        group_name=_group(table),
        kinds={kind, "feast"},
        owners=OWNERS,
        partitions_def=DAILY,
        backfill_policy=IN_ONE_RUN,
        description=f"{table.description} {stored}",
        pool=WAREHOUSE_POOL,
    )
    def published(context: dg.AssetExecutionContext, warehouse: WarehouseResource) -> dg.MaterializeResult:
        told = tell(context, warehouse, table)
        return dg.MaterializeResult(metadata={**told, "features": len(table.features), "contract": table.checksum})

    return published


def _publish(
    context: dg.AssetExecutionContext, warehouse: WarehouseResource, table: FeatureTable
) -> Mapping[str, int | dg.MetadataValue]:
    warehouse.take()
    history = History.of(SETTINGS.home, table)
    if is_rebuild(context):
        history.forget()
    days, marts = days_of(context), Marts(Path(warehouse.path), WAREHOUSE_SCHEMA)
    publication = history.publish(marts, days, datetime.now(SETTINGS.zone), _remembering(days, table))
    return {
        "dagster/row_count": publication.rows,
        "rows_corrected": publication.corrections,
        "folder": dg.MetadataValue.path(history.folder),
    }


def _count(
    context: dg.AssetExecutionContext, warehouse: WarehouseResource, table: FeatureTable
) -> Mapping[str, int | dg.MetadataValue]:
    days = days_of(context)
    condition = f"{table.day} between date '{days[0]}' and date '{days[-1]}'"
    return {"dagster/row_count": warehouse.count(table.name, condition)}


def _remembering(days: Sequence[date], table: FeatureTable) -> Sequence[date]:
    """The days after `days` whose rows remember them."""
    last = min(days[-1] + timedelta(days=table.remembered_days - 1), SOURCE.last)
    return [days[-1] + timedelta(days=n) for n in range(1, (last - days[-1]).days + 1)]


def _group(table: FeatureTable) -> str:
    return GROUP if table.every_day else SAID_BY_MODELS


published_tables = [_feature_table(table) for table in TABLES]


@dg.asset(
    group_name=GROUP,
    kinds={"feast"},
    owners=OWNERS,
    # not on what models say, since models learn from what is registered
    deps=[published for published, table in zip(published_tables, TABLES, strict=True) if table.every_day],
)
def feature_registry(feature_store: FeatureStoreResource) -> dg.MaterializeResult:
    """Feast's entities, views and services, as the contract describes them."""
    store = feature_store.open()
    objects = build_objects(TABLES, SETTINGS)
    store.apply(objects)
    views = {table.view: len(table.features) for table in TABLES}
    services = [service.name for service in store.list_feature_services()]
    return dg.MaterializeResult(metadata={"objects": len(objects), **views, "services": names(services)})


_PARITY_CHECK = "online_equals_offline"


def _online_table(table: FeatureTable) -> dg.AssetsDefinition:
    key = ["online_store", table.view]

    @dg.asset(
        key=key,
        deps=[feature_registry, dg.AssetKey(["feature_store", table.view])],
        group_name=_group(table),
        kinds={"feast", "redis" if SETTINGS.profile == "gcp" else "sqlite"},
        owners=OWNERS,
        check_specs=[
            dg.AssetCheckSpec(
                _PARITY_CHECK,
                asset=key,
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
            check_results=[_check_result(parity)],
        )

    return written


def _check_result(parity: online.Parity) -> dg.AssetCheckResult:
    return dg.AssetCheckResult(
        check_name=_PARITY_CHECK,
        passed=parity.different == 0,
        metadata={
            "compared": parity.compared,
            "different": parity.different,
            "features_different": names(parity.features),
        },
    )


online_tables = [_online_table(table) for table in TABLES if table.is_online]
