"""What must hold of landed days: nothing is lost, no day is missing or shrunken, and what comes late is queued."""

from datetime import date

import dagster as dg
import duckdb

from ga4_export.days import REWRITTEN, built_days, changed_days, refused_days
from ga4_export.listing import list_days
from ga4_export.sizes import sizes
from orchestration.assets import ga4_export
from orchestration.partitions import days_of
from orchestration.resources import (
    ALL_DAYS,
    OWNERS,
    SOURCE,
    WAREHOUSE_POOL,
    LandingResource,
    ReportsResource,
    WarehouseResource,
    names,
)
from orchestration.validations import result_of

SMALL = 0.5
"""Share of the usual number of rows under which a day is warned of."""

COOKIELESS_LIMIT = 0.5
"""Share of events without a user above which consent, not behaviour, shapes the data."""


@dg.asset_check(asset=ga4_export.events, blocking=True)
def events_meet_expectations(
    context: dg.AssetCheckExecutionContext, landing: LandingResource, reports: ReportsResource
) -> dg.AssetCheckResult:
    """The landed events of the days just built are what GA4 exports."""
    from expectations import suites, validation
    from expectations.witnesses import DECISIVE_OF_EXPORT

    opened = landing.open()
    days = built_days(opened, days_of(context))
    if not days:
        return dg.AssetCheckResult(passed=False, description="No row was landed of the days to build.")
    files = [str(opened.events(day)) for day in days]
    rows = f"select {', '.join(suites.EXPORT_COLUMNS)} from read_parquet({files})"
    with duckdb.connect() as connection:
        suite = suites.build_export_suite(days)
        return result_of(validation.validate_all(connection, rows, suite, DECISIVE_OF_EXPORT), reports)


@dg.asset_check(asset=ga4_export.events)
def every_day_is_landed(landing: LandingResource) -> dg.AssetCheckResult:
    """No day of the export is missing or refused; the days that are keep none of the others from being built."""
    refused = refused_days(landing.open())
    return dg.AssetCheckResult(
        passed=not refused,
        description="; ".join(day.detail for day in refused) or "Every day of the export is landed.",
        metadata={
            "days_refused": names([day.day for day in refused]),
            "codes": names(sorted({day.code for day in refused})),
            "owners": names(OWNERS),
        },
    )


@dg.asset_check(asset=ga4_export.events)
def days_have_their_usual_size(context: dg.AssetCheckExecutionContext, landing: LandingResource) -> dg.AssetCheckResult:
    """No landed day has less than half the rows of the week before it; one with next to none is refused."""
    opened = landing.open()
    refused = {date.fromisoformat(day.day) for day in refused_days(opened)}
    small = [size for size in sizes(opened, days_of(context)) if size.share < SMALL and size.day not in refused]
    return dg.AssetCheckResult(
        passed=not small,
        severity=dg.AssetCheckSeverity.WARN,
        description="; ".join(size.told for size in small) or "Every day has about as many rows as those before it.",
        metadata={"days_small": len(small)},
    )


@dg.asset_check(asset=ga4_export.events)
def late_days_are_built(landing: LandingResource) -> dg.AssetCheckResult:
    """What GA4 changed later than it says it does waits for `tactful backfill`."""
    window = SOURCE.last - REWRITTEN
    late = [day for day in changed_days(landing.open(), list_days(SOURCE.folder)) if day < window]
    told = f"E_GA4_LATE_BEYOND_WINDOW: {', '.join(map(str, late))} changed; `tactful backfill` builds them."
    return dg.AssetCheckResult(
        passed=not late,
        severity=dg.AssetCheckSeverity.WARN,
        description=told if late else "No day before the last three has changed since it was landed.",
        metadata={"days_queued": names([day.isoformat() for day in late])},
    )


@dg.asset_check(asset=ga4_export.events)
def signals_are_usual(context: dg.AssetCheckExecutionContext, landing: LandingResource) -> dg.AssetCheckResult:
    """What is odd in the days just built and keeps no row out; without users, consent shapes the data."""
    landed = [day for day in map(landing.open().landed, days_of(context)) if day]
    counts = {name: sum(day.signals.get(name, 0) for day in landed) for name in (landed[0].signals if landed else ())}
    odd = {name: counts.get(name, 0) for name in ("same_place_other_params", "session_ids_several")}
    if counts.get("rows_without_user", 0) > COOKIELESS_LIMIT * sum(day.rows_loaded for day in landed):
        odd["rows_without_user"] = counts["rows_without_user"]
    return dg.AssetCheckResult(
        passed=not any(odd.values()),
        severity=dg.AssetCheckSeverity.WARN,
        description=", ".join(f"{name}: {rows:,}" for name, rows in odd.items() if rows) or "Nothing odd was met.",
        metadata={**counts, "columns_unknown": names(sorted({name for day in landed for name in day.columns_unknown}))},
    )


@dg.asset_check(asset="stg_ga4__source_files", blocking=True, pool=WAREHOUSE_POOL)
def no_row_is_lost(warehouse: WarehouseResource) -> dg.AssetCheckResult:
    """Each row of each file is an event, a repeat of one, in quarantine, or suppressed for a user who was erased."""
    files = warehouse.query(f"select * from stg_ga4__source_files where event_date {ALL_DAYS}")
    totals = {name: int(files[name].sum()) for name in files.columns if name.startswith("rows_")}
    broken = files.loc[~files["is_conserved"].astype(bool), "source_file"].tolist()
    told = (
        "{rows_read:,} rows read: {rows_loaded:,} events, {rows_duplicate:,} repeats, {rows_quarantined:,} in "
        "quarantine, {rows_suppressed:,} suppressed."
    ).format(**totals)
    return dg.AssetCheckResult(
        passed=not broken,
        description=f"{told} Not accounted for: {', '.join(broken)}." if broken else told,
        metadata={**totals, "files_broken": names(broken)},
    )


CHECKS = [
    events_meet_expectations,
    every_day_is_landed,
    days_have_their_usual_size,
    late_days_are_built,
    signals_are_usual,
    no_row_is_lost,
]
