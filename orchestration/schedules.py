"""What runs by the clock, once switched on: the daily job; segments and models once a week, models daily in a peak."""

from collections.abc import Sequence
from datetime import date, datetime

import dagster as dg

from ga4_export.listing import ExportError
from ml.specs import BUYER_STAGE, MODELS, USER_SEGMENTS
from orchestration.assets import models, segments, stages
from orchestration.jobs import recluster, refresh, retrain
from orchestration.partitions import DAILY, range_tags
from orchestration.resources import SETTINGS, TABLES
from orchestration.today import FIRST_HOUR, Wait, what_today
from orchestration.told import tell_once
from tactful.notices import Notice
from tactful.seasons import peak_on
from tactful.source import Source, source_of

_DAY = "tactful/day"
_MONDAY = 0
_TRIES = 2
"""Runs that a day is given: what failed is tried once more, an hour later."""
_FAILED = (dg.DagsterRunStatus.FAILURE, dg.DagsterRunStatus.CANCELED)
_TRAINING = {
    **{
        spec.name: (models.training_sets[spec.name].key, model.key)
        for spec, model in zip(MODELS, models.models, strict=True)
    },
    BUYER_STAGE.name: (models.training_sets[BUYER_STAGE.name].key, stages.buyer_stage.key),
    USER_SEGMENTS.name: (segments.user_segments.key,),
}
"""The assets that train each model."""

_WATCHED = {models.training_sets[spec.name].key for spec in models.GUARDED}
"""What the guard of champions reads every day, whether or not a model is trained."""


@dg.schedule(
    job=refresh,
    cron_schedule=f"0 {FIRST_HOUR}-{SETTINGS.data_until_hour} * * *",
    execution_timezone=DAILY.timezone,
)
def daily(context: dg.ScheduleEvaluationContext) -> dg.RunRequest | dg.SkipReason:
    """Every afternoon, once GA4 has delivered: the newest day, and any model that has no champion."""
    now = context.scheduled_execution_time.astimezone(SETTINGS.zone)
    today = {_DAY: f"{now:%Y-%m-%d}"}
    before = context.instance.get_runs(dg.RunsFilter(tags=today))
    if len(before) >= _TRIES or not all(run.status in _FAILED for run in before):
        return dg.SkipReason(f"{today[_DAY]} is asked for already.")
    what = what_today(_source(), now, SETTINGS.data_until_hour, _newest_built(context.instance), SETTINGS.last_day)
    if isinstance(what, Wait):
        notice = Notice(f"The daily job waits: {what.told}", what.told, what.urgency)
        tell_once(context.instance, SETTINGS, "daily", f"{today[_DAY]} {what.urgency}", notice)
        return dg.SkipReason(what.told)
    return dg.RunRequest(
        run_key=f"{today[_DAY]}-{len(before)}",
        asset_selection=_asked(context, _untrained()),
        tags={**today, **range_tags(what.first, what.last)},
    )


def _source() -> Source | str:
    try:
        return source_of(SETTINGS)
    except ExportError as error:
        return str(error)


def _newest_built(instance: dg.DagsterInstance) -> date | None:
    """The newest day of which all features are published, wherever the export lies; None before the first."""
    tables = [dg.AssetKey(["feature_store", table.view]) for table in TABLES if table.every_day]
    newest = [max(instance.get_materialized_partitions(table), default=None) for table in tables]
    return None if None in newest else date.fromisoformat(min(filter(None, newest)))


def _untrained() -> Sequence[str]:
    """The models without a champion."""
    from ml.registry import Registry

    registry = Registry.of(SETTINGS)
    return [name for name in _TRAINING if registry.champion(name) is None]


def _asked(context: dg.ScheduleEvaluationContext, untrained: Sequence[str]) -> Sequence[dg.AssetKey]:
    left = {key for name, keys in _TRAINING.items() if name not in untrained for key in keys}
    graph = context.repository_def.asset_graph
    return sorted(graph.executable_asset_keys - left | _WATCHED)


@dg.schedule(job=retrain, cron_schedule="0 23 * * *", execution_timezone=DAILY.timezone)
def retrain_weekly(context: dg.ScheduleEvaluationContext) -> dg.RunRequest | dg.SkipReason:
    """Every Monday night models anew; in a season's peak, when visitors change faster, every night."""
    night = context.scheduled_execution_time.astimezone(SETTINGS.zone)
    why = _why_tonight(night)
    if why is None:
        return dg.SkipReason("Models are learnt anew on Mondays, and every night of a peak of TACTFUL_SEASON_PEAKS.")
    return dg.RunRequest(run_key=f"{night:%Y-%m-%d}", tags={"tactful/reason": why})


def _why_tonight(night: datetime) -> str | None:
    peak = peak_on(night.date(), SETTINGS.peaks)
    if peak:
        return f"the peak {peak}"
    return "once a week" if night.weekday() == _MONDAY else None


@dg.schedule(job=recluster, cron_schedule="0 15 * * 1", execution_timezone=DAILY.timezone)
def weekly(context: dg.ScheduleEvaluationContext) -> dg.RunRequest:
    """Every Monday, an hour after the daily job: segments anew, of the newest day's users."""
    last = source_of(SETTINGS).last
    return dg.RunRequest(run_key=f"week-{context.scheduled_execution_time:%Y-%m-%d}", tags=range_tags(last, last))


SCHEDULES = [daily, weekly, retrain_weekly]
