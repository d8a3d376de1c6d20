"""What a schedule or a sensor asks for, asked and run here and now on the home's Dagster instance, as by its daemon.

    python -m benchmarks.automation NAME STATED ANSWER

STATED is the instant of a schedule, in ISO format, or the cursor that a sensor has kept, empty at first. What came of
it is written to the file ANSWER.
"""

import json
import sys
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import dagster as dg

from tactful import home
from tactful.processes import started
from tactful.settings import Settings


@dataclass(frozen=True)
class Answer:
    """What came of asking once; `asked` is the key of the run, None where there was none for a reason that is `told`.

    `cursor` is what a sensor keeps. `said` are texts and tables that the run's assets told, by asset and name.
    """

    asked: str | None
    told: str
    cursor: str
    said: Mapping[str, Mapping[str, Any]]


def ask(settings: Settings, name: str, stated: str) -> Answer:
    """Ask in a process of its own, since the orchestrator reads settings and export once, and run what is asked for.

    Raises:
        RuntimeError: the run failed.
    """
    log, answer = (settings.home / "logs" / f"{name}.{kind}" for kind in ("log", "json"))
    command = [sys.executable, "-m", "benchmarks.automation", name, stated, str(answer)]
    with started(command, home.environment(settings), home.PROJECT, log) as process:
        if process.wait():
            raise RuntimeError(f"{name} failed: {log.read_text(errors='replace')[-2_000:]}")
    return Answer(**json.loads(answer.read_text()))


def _answer(instance: dg.DagsterInstance, name: str, stated: str) -> Answer:
    from orchestration.definitions import defs

    repository = defs.get_repository_def()
    if repository.has_sensor_def(name):
        sensor = repository.get_sensor_def(name)
        looked = sensor.evaluate_tick(dg.build_sensor_context(instance, stated or None, repository_def=repository))
        job, cursor = str(sensor.job_name), looked.cursor or stated
        requests, told = looked.run_requests, looked.skip_message
    else:
        schedule = repository.get_schedule_def(name)
        at = datetime.fromisoformat(stated)
        due = schedule.evaluate_tick(dg.build_schedule_context(instance, at, repository_def=repository))
        job, cursor = schedule.job_name, ""
        requests, told = due.run_requests, due.skip_message
    if not requests:
        return Answer(None, told or "", cursor, {})
    (request,) = requests
    wanted = defs.resolve_job_def(job)
    if request.asset_selection:
        wanted = wanted.get_subset(asset_selection=set(request.asset_selection))
    result = wanted.execute_in_process(instance=instance, tags=dict(request.tags))
    return Answer(request.run_key, request.tags.get("tactful/drift", ""), cursor, _said(result))


def _said(result: dg.ExecuteInProcessResult) -> dict[str, dict[str, Any]]:
    built = [event.step_materialization_data.materialization for event in result.get_asset_materialization_events()]
    return {
        one.asset_key.to_user_string(): {
            name: told.value
            for name, told in one.metadata.items()
            if isinstance(told, dg.TextMetadataValue | dg.JsonMetadataValue)
        }
        for one in built
    }


def main() -> None:
    """Ask, run, and write what came of it."""
    name, stated, answer = sys.argv[1:]
    with dg.DagsterInstance.get() as instance:
        found = _answer(instance, name, stated)
    Path(answer).write_text(json.dumps(asdict(found)))


if __name__ == "__main__":
    main()
