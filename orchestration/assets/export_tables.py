"""GA4 export days on BigQuery: the export's own tables, which are read where they are."""

import dagster as dg

from orchestration.partitions import DAILY, IN_ONE_RUN, days_of
from orchestration.resources import OWNERS, SETTINGS, SOURCE, names, refuse_unreadable
from tactful.source import day_tables


@dg.asset(
    key_prefix="ga4_export",
    group_name="ga4_export",
    kinds={"ga4", "bigquery"},
    owners=OWNERS,
    partitions_def=DAILY,
    backfill_policy=IN_ONE_RUN,
)
def events(context: dg.AssetExecutionContext) -> dg.MaterializeResult:
    """Raw events as GA4 exports them, one table a day; nothing is copied."""
    refuse_unreadable()
    tables, days = day_tables(SETTINGS), days_of(context)
    missing = [f"events_{day:%Y%m%d}" for day in days if day not in tables]
    if missing:
        more = f" and {len(missing) - 3} more" if len(missing) > 3 else ""
        raise dg.Failure(
            f"{SOURCE.place} lacks {', '.join(missing[:3])}{more}: name days that it has by TACTFUL_FIRST_DAY and "
            "TACTFUL_LAST_DAY, or wait for GA4.",
            allow_retries=False,
        )
    return dg.MaterializeResult(
        metadata={
            "rows_read": sum(tables[day].rows for day in days),
            "changed_last": dg.MetadataValue.timestamp(max(tables[day].changed_at for day in days)),
            "dataset": SOURCE.place,
            "empty": names([f"events_{day:%Y%m%d}" for day in days if tables[day].rows == 0]),
        }
    )
