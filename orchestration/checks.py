"""What must hold before what depends on it is built: blocking checks, each with its figures and its page."""

from collections.abc import Sequence
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING

import dagster as dg
import duckdb
import pandas as pd

from feature_repo import offline
from feature_repo.contract import FeatureTable
from ga4_export.landing import Landing
from orchestration.assets import ga4_export
from orchestration.partitions import days_of
from orchestration.resources import (
    SETTINGS,
    SOURCE,
    TABLES,
    WAREHOUSE_POOL,
    LandingResource,
    ReportsResource,
    WarehouseResource,
    names,
)

if TYPE_CHECKING:
    from expectations.validation import Validation

_PAGES = "expectations"


@dg.asset_check(asset=ga4_export.events, blocking=True)
def events_meet_expectations(
    context: dg.AssetCheckExecutionContext, landing: LandingResource, reports: ReportsResource
) -> dg.AssetCheckResult:
    """The landed events of the days just built are what GA4 exports."""
    from expectations import suites, validation

    days = days_of(context)
    frame = _landed(landing.open(), days, ", ".join(suites.EXPORT_COLUMNS))
    return _result(validation.validate(frame, suites.build_export_suite(days)), reports)


@dg.asset_check(asset="stg_ga4__events", blocking=True, pool=WAREHOUSE_POOL)
def no_event_is_lost(landing: LandingResource, warehouse: WarehouseResource) -> dg.AssetCheckResult:
    """Rows read are events, repeats of an event, or in quarantine; repeats are counted from the raw rows."""
    days = [day for day in landing.open().landed_days() if SOURCE.first <= day <= SOURCE.last]
    landed = [day for day in map(landing.open().landed, days) if day]
    read = sum(day.rows_read for day in landed)
    quarantined = sum(day.rows_quarantined for day in landed)
    events = warehouse.count("stg_ga4__events", f"event_date between '{SOURCE.first}' and '{SOURCE.last}'")
    repeats = _repeats(landing.open(), days)
    return dg.AssetCheckResult(
        passed=events + repeats + quarantined == read,
        description=f"{read:,} rows read: {events:,} events, {repeats:,} repeats, {quarantined:,} in quarantine.",
        metadata={
            "rows_read": read,
            "rows_loaded": events,
            "rows_duplicate": repeats,
            "rows_quarantined": quarantined,
            "rows_suppressed": 0,
        },
    )


@dg.asset_check(asset="fct_decision_labels", blocking=True, pool=WAREHOUSE_POOL)
def conversion_event_occurs(warehouse: WarehouseResource) -> dg.AssetCheckResult:
    """The event that counts as a conversion is one that the shop sends."""
    event = SETTINGS.conversion_event
    counts = warehouse.query("select event_name, count(*) as events from stg_ga4__events group by event_name")
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
    def meet_expectations(context: dg.AssetCheckExecutionContext, reports: ReportsResource) -> dg.AssetCheckResult:
        from expectations import suites, validation

        days = days_of(context)
        frame = offline.read(table, offline.offline_folder(SETTINGS.home, table), days[0], days[-1])
        return _result(validation.validate(frame, suites.build_suite(table, days[-1])), reports)

    return meet_expectations


CHECKS = [
    events_meet_expectations,
    no_event_is_lost,
    conversion_event_occurs,
    *(_meets_expectations(table) for table in TABLES),
]


def _result(validation: "Validation", reports: ReportsResource) -> dg.AssetCheckResult:
    from expectations import data_docs

    page = data_docs.write_page(validation, reports.path(_PAGES, "index.html").parent, datetime.now(UTC))
    failed = [f"{outcome.expectation} of {outcome.column or 'the table'}" for outcome in validation.failed]
    return dg.AssetCheckResult(
        passed=validation.is_passed,
        description="; ".join(failed) or "Every expectation is met.",
        metadata={
            "expectations": len(validation.outcomes),
            "failed": len(validation.failed),
            "warnings": names([outcome.expectation for outcome in validation.warned]),
            "rows": validation.rows,
            "seconds": validation.seconds,
            "page": reports.link(_PAGES, page.name),
        },
    )


def _landed(landing: Landing, days: Sequence[date], columns: str) -> pd.DataFrame:
    query = f"select {columns} from read_parquet($files)"
    rows: pd.DataFrame = duckdb.execute(query, {"files": _files(landing, days)}).df()
    return rows


def _repeats(landing: Landing, days: Sequence[date]) -> int:
    """Rows that equal an earlier one in every column of the export."""
    total = duckdb.execute(
        """
        select count(*) - count(distinct hash(event))
        from (select columns(* exclude known_at) from read_parquet($files)) as event
        """,
        {"files": _files(landing, days)},
    ).fetchone()
    return int(total[0]) if total else 0


def _files(landing: Landing, days: Sequence[date]) -> list[str]:
    return [str(landing.events(day)) for day in days]
