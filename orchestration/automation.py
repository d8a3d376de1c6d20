"""What can run by itself: the daily and the weekly job, once switched on, and retraining when the data have drifted."""

from datetime import timedelta

import dagster as dg

from ga4_export.days import REWRITTEN
from orchestration.assets import champions, models, monitoring, segments, stages
from orchestration.assets.features import online_tables, published_tables
from orchestration.partitions import DAILY, range_tags
from orchestration.resources import SETTINGS, TABLES
from tactful.source import source_of

everything = dg.define_asset_job(
    "everything",
    selection=dg.AssetSelection.all(),
    description="The main job: from the export to decisions, for a range of days in one run.",
)

# what a model says of users: past days keep what it said on them
_SEGMENTS = dg.AssetSelection.assets(
    segments.user_segments,
    segments.user_segment_labels,
    *(table.name for table in TABLES if not table.every_day),
    *(
        dg.AssetKey([store, table.view])
        for store in ("feature_store", "online_store")
        for table in TABLES
        if not table.every_day
    ),
)

features = dg.define_asset_job(
    "features",
    selection=dg.AssetSelection.assets(*published_tables).upstream() - _SEGMENTS,
    description="From the export to validated features.",
)

backfill = dg.define_asset_job(
    "backfill",
    selection=dg.AssetSelection.assets(*published_tables, *online_tables).upstream() - _SEGMENTS,
    description="Past days anew, from the export to the online store; models are left alone.",
)

retrain = dg.define_asset_job(
    "retrain",
    selection=dg.AssetSelection.assets(
        *models.training_sets.values(), champions.champion_guard, *models.models, stages.buyer_stage
    ),
    description="Training sets and models anew, from the features as they are; segments are left alone.",
)

recluster = dg.define_asset_job(
    "recluster",
    selection=_SEGMENTS,
    description="Segments anew, from the features as they are, and the segment of each user of the newest day.",
)

between = dg.define_asset_job(
    "between",
    selection=dg.AssetSelection.all() - dg.AssetSelection.assets(segments.user_segments),
    description="What everything does, but for segments, which are found anew once a week; users get those there are.",
)


@dg.schedule(job=between, cron_schedule="0 14 * * *", execution_timezone=DAILY.timezone)
def daily(context: dg.ScheduleEvaluationContext) -> dg.RunRequest:
    """Every afternoon, when GA4 has delivered: the newest day and the three that GA4 may have rewritten.

    One day more is built before them, whose sessions may go on into the first.
    """
    source = source_of(SETTINGS)
    first = max(source.first, source.last - REWRITTEN - timedelta(days=1))
    return dg.RunRequest(run_key=f"{context.scheduled_execution_time:%Y-%m-%d}", tags=range_tags(first, source.last))


@dg.asset_sensor(asset_key=monitoring.feature_drift.key, job=retrain, default_status=dg.DefaultSensorStatus.RUNNING)
def retrain_on_drift(_: dg.SensorEvaluationContext, asset_event: dg.EventLogEntry) -> dg.RunRequest | dg.SkipReason:
    """Asks for retraining when the drift report says so."""
    metadata = asset_event.asset_materialization.metadata if asset_event.asset_materialization else {}
    verdict, reason = metadata["verdict"].value, metadata["reason"].value
    if verdict != "drift":
        return dg.SkipReason(f"The verdict is {verdict}: {reason}")
    window = str(metadata["window"].value)
    return dg.RunRequest(run_key=f"drift-{window}", tags={"tactful/drift": str(reason)})


@dg.schedule(job=recluster, cron_schedule="0 15 * * 1", execution_timezone=DAILY.timezone)
def weekly(context: dg.ScheduleEvaluationContext) -> dg.RunRequest:
    """Every Monday, an hour after the daily job: segments anew, of the newest day's users."""
    last = source_of(SETTINGS).last
    return dg.RunRequest(run_key=f"week-{context.scheduled_execution_time:%Y-%m-%d}", tags=range_tags(last, last))


JOBS = [everything, between, features, backfill, retrain, recluster]
SCHEDULES = [daily, weekly]
SENSORS = [retrain_on_drift]
