"""GA4 export days, landed with every row accounted for."""

from datetime import UTC, datetime

import dagster as dg

from ga4_export.days import land_days
from ga4_export.listing import list_days
from orchestration.assets.upkeep import asked_erasures
from orchestration.partitions import DAILY, IN_ONE_RUN, days_of
from orchestration.resources import OWNERS, SETTINGS, SOURCE, LandingResource, count_metadata, names

GROUP = "ga4_export"


@dg.asset(group_name=GROUP, kinds={"python", "parquet"}, owners=OWNERS)
def simulated_export(landing: LandingResource) -> dg.MaterializeResult:
    """The export of a made-up shop, in GA4's format; no evidence about real visitors."""
    from simulator.export import write
    from simulator.scenarios import settings_shop

    landing.take()
    shop = settings_shop(SETTINGS)
    written = write(SOURCE.folder, shop)
    return dg.MaterializeResult(
        metadata={
            "folder": dg.MetadataValue.path(SOURCE.folder),
            "days": len(written),
            "sessions_per_day": shop.sessions_per_day,
            "seed": shop.seed,
        }
    )


@dg.asset(
    key_prefix="ga4_export",
    group_name=GROUP,
    kinds={"ga4", "parquet"},
    owners=OWNERS,
    partitions_def=DAILY,
    backfill_policy=IN_ONE_RUN,
    deps=[asked_erasures, simulated_export] if SOURCE.kind == "own" else [asked_erasures],
)
def events(context: dg.AssetExecutionContext, landing: LandingResource) -> dg.MaterializeResult:
    """Raw events as GA4 exports them, one file a day; rows that can't be events are in quarantine with the reason."""
    landed = land_days(landing.open(), list_days(SOURCE.folder), days_of(context), datetime.now(UTC))
    if not landed.days:
        raise dg.Failure("; ".join(day.detail for day in landed.refused), allow_retries=False)
    return dg.MaterializeResult(
        metadata={
            **count_metadata(landed.counts),
            "quarantine_reasons": dg.MetadataValue.json(dict(landed.reasons)),
            "columns_unknown": names(landed.columns_unknown),
            "days_refused": names([day.detail for day in landed.refused]),
            "folder": dg.MetadataValue.path(SOURCE.folder),
        }
    )
