"""Releases and verdicts as Dagster metadata: figures for machines, tables and pictures for people."""

import base64
from collections.abc import Iterable
from dataclasses import asdict
from math import isfinite
from pathlib import Path
from typing import TYPE_CHECKING, Any

import dagster as dg

if TYPE_CHECKING:
    from ml.evaluation import Scorecard
    from ml.intervals import Interval
    from ml.policy_evaluation import PolicyComparison, PolicyOutcome
    from ml.release import Release
    from ml.segment_release import SegmentRelease
    from ml.stage_release import StageRelease


def not_trained(context: dg.AssetExecutionContext, refusal: ValueError) -> dg.MaterializeResult:
    """What an asset comes to whose rows are too few, or not such as can be learnt from; the run goes on."""
    context.log.warning(str(refusal))
    return dg.MaterializeResult(metadata={"status": "not_trained", "reason": str(refusal)})


def model_metadata(release: "Release", mlflow_port: int) -> dict[str, Any]:
    """What the Dagster UI shows of a model's version."""
    return {
        "status": "champion" if release.gate.is_passed else "not_promoted",
        "reason": release.gate.reason,
        "version": release.version,
        "family": release.family,
        **release.scorecard.as_metadata(),
        **(_compared(release.policies, release.scorecard) if release.policies else {}),
        "digest": release.digest,
        "plots": _pictures(release.plots),
        "mlflow": _mlflow(mlflow_port),
    }


def segment_metadata(release: "SegmentRelease", mlflow_port: int) -> dict[str, Any]:
    """What the Dagster UI shows of the segments."""
    report = release.report
    segments = [
        {"id": segment.id, "name": segment.name, "users": segment.users, "share": segment.share}
        for segment in report.segments
    ]
    return {
        "status": "champion" if release.gate.is_passed else "not_promoted",
        "reason": release.gate.reason,
        "version": release.version,
        **report.as_metadata(),
        "by_size": dg.JsonMetadataValue(segments),
        "tried": dg.JsonMetadataValue([asdict(size) for size in report.tried]),
        "events": dg.JsonMetadataValue([asdict(event) for event in report.continuity.events]),
        "digest": release.digest,
        "plots": _pictures(release.plots),
        "mlflow": _mlflow(mlflow_port),
    }


def stage_metadata(release: "StageRelease", mlflow_port: int) -> dict[str, Any]:
    """What the Dagster UI shows of a stage model's version."""
    choice = release.evidence.choice
    return {
        "status": "champion" if release.gate.is_passed else "not_promoted",
        "reason": release.gate.reason,
        "version": release.version,
        "definition": choice.chosen.definition,
        "definition_reason": choice.reason,
        **({"warning": choice.warning} if choice.warning else {}),
        **release.evidence.as_metadata(),
        "digest": release.digest,
        "plots": _pictures(release.plots),
        "mlflow": _mlflow(mlflow_port),
    }


def interval_json(interval: "Interval") -> dict[str, float | None]:
    """An interval as JSON, where what is not defined is null."""
    bounds = {"value": interval.value, "low": interval.low, "high": interval.high}
    return {name: value if isfinite(value) else None for name, value in bounds.items()}


def _compared(policies: "PolicyComparison", scorecard: "Scorecard") -> dict[str, Any]:
    from ml.policy_evaluation import recommendation

    outcomes = {
        "always": _outcome(policies.always),
        "model": _outcome(policies.model),
        "conversions_kept": interval_json(policies.conversions_kept),
    }
    return {
        "policies": dg.JsonMetadataValue(outcomes),
        "recommendation": recommendation(policies, scorecard.cannot_tell),
    }


def _outcome(outcome: "PolicyOutcome") -> dict[str, Any]:
    return {
        "impressions": outcome.impressions,
        "conversions": outcome.conversions,
        "conversion_rate": interval_json(outcome.conversion_rate),
    }


def _pictures(files: Iterable[Path]) -> dg.MarkdownMetadataValue:
    images = (f"![{file.stem}](data:image/png;base64,{base64.b64encode(file.read_bytes()).decode()})" for file in files)
    return dg.MetadataValue.md("\n\n".join(images))


def _mlflow(port: int) -> dg.UrlMetadataValue:
    return dg.MetadataValue.url(f"http://127.0.0.1:{port}/#/models")
