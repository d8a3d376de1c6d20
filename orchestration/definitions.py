"""Everything Dagster is told, assembled."""

import dagster as dg

from orchestration import checks, freshness, jobs, schedules, sensors
from orchestration.assets import (
    champions,
    decisions,
    export_tables,
    features,
    ga4_export,
    models,
    monitoring,
    scores,
    segments,
    stages,
    upkeep,
    warehouse,
)
from orchestration.resources import SETTINGS, SOURCE, build_resources

_ASSETS: list[dg.AssetsDefinition] = [
    *([ga4_export.simulated_export] if SOURCE.kind == "own" else []),
    export_tables.events if SETTINGS.profile == "gcp" else ga4_export.events,
    warehouse.warehouse,
    warehouse.said_by_models,
    *features.published_tables,
    features.feature_registry,
    *features.online_tables,
    *models.training_sets.values(),
    champions.champion_guard,
    *models.models,
    segments.user_segments,
    segments.user_segment_labels,
    stages.buyer_stage,
    scores.user_model_scores,
    upkeep.asked_erasures,
    upkeep.abandoned_trainings,
    monitoring.feature_drift,
    decisions.decision_log,
    decisions.live_decision,
]

defs = dg.Definitions(
    assets=dg.map_asset_specs(freshness.promised, _ASSETS),
    asset_checks=checks.CHECKS,
    jobs=[*jobs.JOBS, champions.promote_model, champions.roll_back_model],
    schedules=schedules.SCHEDULES,
    sensors=sensors.SENSORS,
    resources=build_resources(),
    executor=dg.in_process_executor,
)
