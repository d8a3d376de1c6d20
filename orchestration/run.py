"""Run a job here and now on the home's Dagster instance, and tell of its steps as they happen.

    python -m orchestration.run JOB FIRST_DAY LAST_DAY RUN_ID DESCRIPTOR [--rebuild]

Progress goes to the file descriptor, one JSON object a line: {"step", "stage", "state", "at", "message"}.
"""

import fcntl
import importlib
import json
import os
import sys
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import date
from pathlib import Path
from typing import TextIO

import dagster as dg

from orchestration import dead_runs, summary
from orchestration.assets.warehouse import warehouse
from orchestration.definitions import defs
from orchestration.failures import reason_of
from orchestration.jobs import everything
from orchestration.partitions import range_tags
from orchestration.resources import SETTINGS, SOURCE

_STATES = {
    dg.DagsterEventType.STEP_START: "started",
    dg.DagsterEventType.STEP_SUCCESS: "ended",
    dg.DagsterEventType.STEP_FAILURE: "failed",
}

_REBUILD = "--rebuild"

# Half a minute of imports passes unnoticed while dbt is at work in a process of its own.
_SLOW_IMPORTS_OF_FEATURES = ("great_expectations.expectations",)
_SLOW_IMPORTS = (
    *_SLOW_IMPORTS_OF_FEATURES,
    "feast",
    "evidently.presets",
    "ml.segment_release",
    "mlflow",
    "serving.main",
)


def main(job: str, first: str, last: str, run_id: str, descriptor: str, *options: str) -> int:
    """Exit code 0 if every step and every blocking check of the job went well."""
    with _instance() as instance, os.fdopen(int(descriptor), "w", buffering=1) as progress:
        imports = _SLOW_IMPORTS if job == everything.name else _SLOW_IMPORTS_OF_FEATURES
        if SETTINGS.profile == "local":
            # no daemon may be there to do so
            dead_runs.end(instance)
        instance.add_event_listener(run_id, _teller(progress, imports))
        result = defs.resolve_job_def(job).execute_in_process(
            instance=instance,
            tags=range_tags(date.fromisoformat(first), date.fromisoformat(last), rebuild=_REBUILD in options),
            run_id=run_id,
            raise_on_error=False,
        )
        if result.success and job == everything.name:
            _report(instance, SETTINGS.home / "reports", run_id)
    return 0 if result.success else 1


def _report(instance: dg.DagsterInstance, reports: Path, run_id: str) -> None:
    """Write the run's summary, and the contents of all reports."""
    from expectations import data_docs

    summary.write(instance, reports / "summary.json", run_id)
    data_docs.write_contents(reports, SOURCE.is_simulated)


@contextmanager
def _instance() -> Iterator[dg.DagsterInstance]:
    """The home's Dagster instance; Dagster fails where two processes make its databases at once."""
    with (SETTINGS.home / "dagster" / "dagster.yaml").open() as stated:
        fcntl.flock(stated, fcntl.LOCK_EX)
        instance = dg.DagsterInstance.get()
    with instance:
        yield instance


def _import_all(names: Sequence[str]) -> None:
    for name in names:
        importlib.import_module(name)


def _teller(progress: TextIO, imports: Sequence[str]) -> Callable[[dg.EventLogEntry], None]:
    stages = _stages()
    broken: dict[str | None, str] = {}

    def tell(entry: dg.EventLogEntry) -> None:
        event = entry.dagster_event
        if event is not None and event.event_type == dg.DagsterEventType.ASSET_CHECK_EVALUATION:
            evaluation = event.asset_check_evaluation_data
            if not evaluation.passed:
                broken[event.step_key] = evaluation.description or evaluation.check_name
        if event is not None and (state := _STATES.get(event.event_type)) and event.step_key:
            line = {
                "step": event.step_key,
                "stage": stages.get(event.step_key, event.step_key),
                "state": state,
                "at": entry.timestamp,
                "message": broken.get(event.step_key) or reason_of(event) if state == "failed" else "",
            }
            progress.write(json.dumps(line) + "\n")
            if (event.step_key, state) == (warehouse.op.name, "started"):
                threading.Thread(target=_import_all, args=(imports,), daemon=True).start()

    return tell


def _stages() -> Mapping[str, str]:
    """The asset group of each step; a check belongs to the group of what it checks."""
    built = [assets for assets in defs.assets or () if isinstance(assets, dg.AssetsDefinition)]
    groups = {spec.key: spec.group_name or "" for assets in built for spec in assets.specs}
    steps = {assets.op.name: groups[next(iter(assets.keys))] for assets in built}
    checks = {checks.op.name: groups[next(iter(checks.check_keys)).asset_key] for checks in defs.asset_checks or ()}
    return {**steps, **checks}


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
