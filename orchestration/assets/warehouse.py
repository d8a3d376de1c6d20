"""The warehouse: dbt models over the landed events."""

from collections.abc import Iterator, Mapping
from typing import Any

import dagster as dg
from dagster_dbt import DagsterDbtTranslator, DbtCliInvocation, DbtCliResource, dbt_assets
from rich.text import Text
from typing_extensions import override

from orchestration.assets.features import SAID_BY_MODELS
from orchestration.partitions import DAILY, IN_ONE_RUN, days_of, is_rebuild
from orchestration.resources import (
    OWNERS,
    SETTINGS,
    SOURCE,
    WAREHOUSE_POOL,
    BigQueryWarehouseResource,
    WarehouseResource,
)
from tactful.dbt import MANIFEST, variables


class Translator(DagsterDbtTranslator):
    """How a dbt model appears in Dagster: in one group but for what models say of users, daily where built by day."""

    @override
    def get_group_name(self, dbt_resource_props: Mapping[str, Any]) -> str:
        return SAID_BY_MODELS if SAID_BY_MODELS in dbt_resource_props["tags"] else "warehouse"

    @override
    def get_owners(self, dbt_resource_props: Mapping[str, Any]) -> list[str]:
        return OWNERS

    @override
    def get_partitions_def(self, dbt_resource_props: Mapping[str, Any]) -> dg.PartitionsDefinition | None:
        return DAILY if "day" in dbt_resource_props["config"]["meta"] else None

    @override
    def get_description(self, dbt_resource_props: Mapping[str, Any]) -> str:
        return str(dbt_resource_props["description"])


_OF_MODELS = f"tag:{SAID_BY_MODELS}"
"""The dbt models that read what models say of users, which read the others."""


@dbt_assets(
    manifest=MANIFEST,
    dagster_dbt_translator=Translator(),
    backfill_policy=IN_ONE_RUN,
    exclude=f"resource_type:unit_test {_OF_MODELS}+",
    pool=WAREHOUSE_POOL,
)
def warehouse(context: dg.AssetExecutionContext, dbt: DbtCliResource, warehouse: WarehouseResource) -> Iterator[Any]:
    """Staging, intermediate and mart models, with their tests as checks."""
    yield from _built(context, dbt, warehouse)


@dbt_assets(
    manifest=MANIFEST,
    dagster_dbt_translator=Translator(),
    backfill_policy=IN_ONE_RUN,
    select=f"{_OF_MODELS}+",
    exclude="resource_type:unit_test",
    pool=WAREHOUSE_POOL,
)
def said_by_models(
    context: dg.AssetExecutionContext, dbt: DbtCliResource, warehouse: WarehouseResource
) -> Iterator[Any]:
    """What models say of users, under its contract, with its tests as checks."""
    yield from _built(context, dbt, warehouse)


def _built(context: dg.AssetExecutionContext, dbt: DbtCliResource, warehouse: WarehouseResource) -> Iterator[Any]:
    """The events of a run of dbt over the run's days."""
    if isinstance(warehouse, BigQueryWarehouseResource):
        # without credentials this tells how to get them, before dbt starts
        warehouse.open()
    warehouse.take()
    days = days_of(context)
    stated = variables(SETTINGS, days[0], days[-1], SOURCE.last)
    command = ["build", "--exclude-resource-type", "unit_test", "--vars", stated]
    if is_rebuild(context):
        # all days are at hand, so that tables may change their columns
        command.append("--full-refresh")
    invocation = dbt.cli(command, context=context, raise_on_error=False)
    # the warehouse is dbt's until it has ended, so rows are counted after its last event
    for event in list(invocation.stream()):
        if isinstance(event, dg.Output):
            table = context.asset_key_for_output(event.output_name).path[-1]
            yield event.with_metadata({**event.metadata, "dagster/row_count": warehouse.count(table)})
        else:
            yield event
    if not invocation.is_successful():
        raise dg.Failure(_failures(invocation), allow_retries=False)


def _failures(invocation: DbtCliInvocation) -> str:
    """What dbt could not build, in one line."""
    try:
        results = invocation.get_artifact("run_results.json")["results"]
    except FileNotFoundError:
        # without a result, as where the disk is full, only its log tells
        _, _, said = str(invocation.get_error()).rpartition("Errors parsed from dbt logs:")
        # the cause stands last
        return f"dbt could not go on: {' '.join(Text.from_ansi(said).plain.split())[-300:] or 'its log says why'}"
    failed = [result for result in results if result["status"] in ("error", "fail", "runtime error")]
    told = (f"{result['unique_id'].split('.')[2]}: {' '.join(result['message'].split())[:300]}" for result in failed)
    return "dbt could not build " + "; ".join(told)
