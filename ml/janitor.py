"""What trainings that died have left in MLflow: runs that nobody ends, versions that were never finished."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from ml.registry import BUNDLE_DIGEST, EXPERIMENT, Registry

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities import Run
    from mlflow.entities.model_registry import ModelVersion

LONGEST = timedelta(hours=2)
"""Longer than any run of the platform goes on: those that take more are ended by Dagster."""

REASON = "ended_because"
ORPHANED = "orphaned"


@dataclass(frozen=True)
class Cleaning:
    """The runs that were ended, and the versions that were marked, each as `model version`."""

    ended: tuple[str, ...]
    marked: tuple[str, ...]


def clean(registry: Registry, now: datetime, models: Iterable[str], longest: timedelta = LONGEST) -> Cleaning:
    """End runs that have gone on for `longest`, and mark versions of `models` without a digest that are as old.

    None is deleted. No version that an alias points to is touched, whatever it lacks: people have put it there.
    """
    client = _client(registry)
    registry.ensure()
    before = now - longest
    ended = tuple(_end(client, run, longest) for run in _abandoned(client, before))
    marked = tuple(_mark(client, version) for name in models for version in _unfinished(client, name, before))
    return Cleaning(ended, marked)


def _abandoned(client: "MlflowClient", before: datetime) -> "Iterator[Run]":
    experiment = client.get_experiment_by_name(EXPERIMENT)
    started = f"attributes.status = 'RUNNING' and attributes.start_time < {int(before.timestamp() * 1000)}"
    yield from client.search_runs([experiment.experiment_id], started, max_results=1_000)


def _end(client: "MlflowClient", run: "Run", longest: timedelta) -> str:
    run_id = str(run.info.run_id)
    client.set_tag(run_id, REASON, f"it was still running after {longest}, and no run of the platform takes as long")
    client.set_terminated(run_id, "KILLED")
    return run_id


def _unfinished(client: "MlflowClient", model: str, before: datetime) -> "Iterator[ModelVersion]":
    found = client.search_registered_models(f"name = '{model}'")
    kept = {str(version) for registered in found for version in registered.aliases.values()}
    for version in client.search_model_versions(f"name = '{model}'"):
        is_old = version.creation_timestamp < before.timestamp() * 1000
        is_told = BUNDLE_DIGEST in version.tags or ORPHANED in version.tags
        if is_old and not is_told and str(version.version) not in kept:
            yield version


def _mark(client: "MlflowClient", version: "ModelVersion") -> str:
    client.set_model_version_tag(version.name, version.version, ORPHANED, "true")
    return f"{version.name} {version.version}"


def _client(registry: Registry) -> "MlflowClient":
    from mlflow import MlflowClient

    return MlflowClient(registry.tracking_uri, registry.tracking_uri)
