"""The figures of a run for its owner, taken from what its assets reported; docs/summary.md lists the keys."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import dagster as dg

from ml.specs import BUYER_STAGE, MODELS, USER_SEGMENTS
from orchestration.assets.decisions import live_decision
from orchestration.assets.ga4_export import events
from orchestration.assets.models import GUARD
from orchestration.assets.monitoring import feature_drift
from orchestration.assets.scores import user_model_scores
from orchestration.landing_checks import no_row_is_lost
from orchestration.resources import SETTINGS, SOURCE

_BASELINE_RATE = 0.02
"""Conversion rate of the pop-up that case study 000 showed to everybody."""


def write(instance: dg.DagsterInstance, file: Path, run_id: str) -> None:
    """Write the summary of the newest materialisations."""
    file.parent.mkdir(parents=True, exist_ok=True)
    partial = file.with_suffix(".partial")
    partial.write_text(json.dumps(build(instance, run_id), indent=1))
    partial.replace(file)


def build(instance: dg.DagsterInstance, run_id: str) -> dict[str, Any]:
    """The summary as JSON values."""
    return {
        "run_id": run_id,
        "source": {
            "folder": str(SOURCE.folder),
            "first_day": SOURCE.first.isoformat(),
            "last_day": SOURCE.last.isoformat(),
            "is_simulated": SOURCE.is_simulated,
        },
        "conversion_event": SETTINGS.conversion_event,
        "baseline_conversion_rate": _BASELINE_RATE,
        "rows": {**_reported(instance, events.key), **_checked(instance, no_row_is_lost)},
        "models": {spec.name: _reported(instance, dg.AssetKey(spec.name)) for spec in MODELS},
        "guard": _reported(instance, dg.AssetKey(GUARD)),
        "buyer_stage": _reported(instance, dg.AssetKey(BUYER_STAGE.name)),
        "segments": _reported(instance, dg.AssetKey(USER_SEGMENTS.name)),
        "scores": _reported(instance, user_model_scores.key),
        "drift": _reported(instance, feature_drift.key),
        "decision": _reported(instance, live_decision.key),
    }


def _reported(instance: dg.DagsterInstance, key: dg.AssetKey) -> dict[str, Any]:
    """What an asset's newest materialisation reported, pictures and links left out."""
    event = instance.get_latest_materialization_event(key)
    materialization = event.asset_materialization if event else None
    return _plain(materialization.metadata) if materialization else {}


def _checked(instance: dg.DagsterInstance, check: dg.AssetChecksDefinition) -> dict[str, Any]:
    (key,) = check.check_keys
    record = instance.event_log_storage.get_latest_asset_check_execution_by_key([key]).get(key)
    event = record.event.dagster_event if record and record.event else None
    evaluation = event.asset_check_evaluation_data if event else None
    return _plain(evaluation.metadata) if evaluation else {}


def _plain(metadata: Mapping[str, dg.MetadataValue]) -> dict[str, Any]:
    shown = (
        dg.IntMetadataValue,
        dg.FloatMetadataValue,
        dg.TextMetadataValue,
        dg.BoolMetadataValue,
        dg.JsonMetadataValue,
    )
    # not what Dagster's own pages draw
    ours = {name: value for name, value in metadata.items() if not name.startswith("dagster/")}
    return {name: value.value for name, value in ours.items() if isinstance(value, shown)}
