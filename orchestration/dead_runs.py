"""Runs that died: a process that was killed leaves its run started for ever, and those after it waiting.

They wait in the queue, and, whoever starts them, for the run's place in a pool.
"""

from collections.abc import Sequence

import dagster as dg
import psutil

from orchestration.resources import SETTINGS

_CLOCKS_DIFFER = 600.0
"""Seconds by which the machine's clock may have been set since a process began, which is told by it."""


def end(instance: dg.DagsterInstance) -> Sequence[str]:
    """Mark started runs whose process on this machine is gone as failed; returns their ids.

    Runs of the profile gcp may be another machine's, but for those that the queue here has launched. Places in pools
    that ended runs hold, whoever ended them, are freed.
    """
    started = instance.get_run_records(dg.RunsFilter(statuses=[dg.DagsterRunStatus.STARTED]))
    dead = [
        (record.dagster_run, process)
        for record in started
        if SETTINGS.profile == "local" or record.dagster_run.remote_job_origin
        for process in [_process(instance, record.dagster_run.run_id)]
        if process is not None and not _is_alive(process, record.start_time)
    ]
    for run, process in dead:
        instance.report_run_failed(
            run, f"Its process {process} is gone: it was killed, or the machine ran out of memory."
        )
    _free_places(instance)
    return [run.run_id for run, _ in dead]


def _free_places(instance: dg.DagsterInstance) -> None:
    storage = instance.event_log_storage
    for run_id in storage.get_concurrency_run_ids() if storage.supports_global_concurrency_limits else ():
        run = instance.get_run_by_id(run_id)
        if run is None or run.is_finished:
            storage.free_concurrency_slots_for_run(run_id)


def _process(instance: dg.DagsterInstance, run_id: str) -> int | None:
    """The id of the process that executes a run, as the run's first events state it; None before it has begun."""
    for entry in instance.all_logs(run_id, of_type=dg.DagsterEventType.ENGINE_EVENT):
        metadata = entry.dagster_event.engine_event_data.metadata if entry.dagster_event else {}
        if "pid" in metadata and "step_keys" in metadata:
            return int(str(metadata["pid"].value))
    return None


def _is_alive(pid: int, started: float | None) -> bool:
    """Whether the process still runs, and is not another one that was given its id since."""
    try:
        process = psutil.Process(pid)
        is_older = started is None or process.create_time() <= started + _CLOCKS_DIFFER
        return process.status() != psutil.STATUS_ZOMBIE and is_older
    except psutil.NoSuchProcess:
        return False
