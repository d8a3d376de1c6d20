"""What must hold before what depends on it is built: blocking checks, each with its figures and its page."""

import dagster as dg

from feature_repo.contract import FeatureTable
from ga4_export.days import built_days
from orchestration import feature_rows, landing_checks
from orchestration.partitions import days_of
from orchestration.resources import (
    ALL_DAYS,
    SETTINGS,
    TABLES,
    WAREHOUSE_POOL,
    LandingResource,
    ReportsResource,
    WarehouseResource,
)
from orchestration.served_parity import served_equals_offline
from orchestration.validations import result_of


@dg.asset_check(asset="fct_decision_labels", blocking=True, pool=WAREHOUSE_POOL)
def conversion_event_occurs(warehouse: WarehouseResource) -> dg.AssetCheckResult:
    """The event that counts as a conversion is one that the shop sends."""
    event = SETTINGS.conversion_event
    counts = warehouse.query(
        f"select event_name, count(*) as events from stg_ga4__events where event_date {ALL_DAYS} group by event_name"
    )
    occurrences = int(counts.loc[counts["event_name"] == event, "events"].sum())
    sent = ", ".join(sorted(counts["event_name"]))
    return dg.AssetCheckResult(
        passed=occurrences > 0,
        description=f"TACTFUL_CONVERSION_EVENT is {event!r}, which never occurs; the shop sends {sent}."
        if not occurrences
        else f"{event} occurs {occurrences:,} times.",
        metadata={"event": event, "occurrences": occurrences},
    )


def _meets_expectations(table: FeatureTable) -> dg.AssetChecksDefinition:
    @dg.asset_check(
        name=f"{table.view}_meet_expectations",
        asset=dg.AssetKey(["feature_store", table.view]),
        blocking=True,
        description=f"The published rows of {table.view} keep the contract.",
    )
    def meet_expectations(
        context: dg.AssetCheckExecutionContext,
        landing: LandingResource,
        warehouse: WarehouseResource,
        reports: ReportsResource,
    ) -> dg.AssetCheckResult:
        from expectations import suites, validation, witnesses

        days = days_of(context)
        # a day that could not be landed is told of by its own check, and keeps the others from nothing
        built = (() if SETTINGS.profile == "gcp" else built_days(landing.open(), days)) or days
        with feature_rows.queried(warehouse, table, days[0], days[-1]) as (connection, rows):
            suite, decisive = suites.build_suite(table, built[-1]), witnesses.decisive_of(table)
            return result_of(validation.validate_all(connection, rows, suite, decisive), reports)

    return meet_expectations


CHECKS = [
    *(landing_checks.CHECKS if SETTINGS.profile == "local" else []),
    conversion_event_occurs,
    *(_meets_expectations(table) for table in TABLES),
    served_equals_offline,
]
