import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator

import dagster as dg
import pytest
from dagster._core.events import EngineEventData

RUN = "00000000-0000-0000-0000-000000000001"
STARTED = dg.DagsterRunStatus.STARTED


@pytest.fixture
def instance() -> Iterator[dg.DagsterInstance]:
    with dg.DagsterInstance.ephemeral() as instance:
        yield instance


@pytest.fixture
def process() -> Iterator["subprocess.Popen[bytes]"]:
    """A process that does nothing until it is killed."""
    process = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    yield process
    process.kill()
    process.wait()


def _started(instance: dg.DagsterInstance, pid: int) -> None:
    run = dg.DagsterRun(job_name="retrain", run_id=RUN, status=STARTED)
    instance.add_run(run)
    instance.report_engine_event("Executing steps", run, EngineEventData.in_process(pid, ["popup_profile"]))


def _status(instance: dg.DagsterInstance) -> dg.DagsterRunStatus:
    (run,) = instance.get_runs()
    return run.status


def test_a_run_goes_on_as_long_as_its_process_lives_and_is_ended_when_it_was_killed(
    instance: dg.DagsterInstance, process: "subprocess.Popen[bytes]"
) -> None:
    from orchestration import dead_runs

    _started(instance, process.pid)
    assert dead_runs.end(instance) == []
    assert _status(instance) == STARTED

    process.kill()

    # not waited for, the process is gone all the same
    assert _ended(instance) == [RUN]
    assert _status(instance) == dg.DagsterRunStatus.FAILURE
    (entry,) = instance.all_logs(RUN, of_type=dg.DagsterEventType.RUN_FAILURE)
    assert f"Its process {process.pid} is gone" in str(entry.dagster_event)
    assert dead_runs.end(instance) == []


def _ended(instance: dg.DagsterInstance) -> list[str]:
    """The runs that were ended, once the system has done with the process."""
    from orchestration import dead_runs

    while not (ended := dead_runs.end(instance)):
        pass
    return list(ended)


def test_a_run_that_has_not_told_its_process_is_left_to_dagster(instance: dg.DagsterInstance) -> None:
    from orchestration import dead_runs

    instance.add_run(dg.DagsterRun(job_name="retrain", run_id=RUN, status=STARTED))

    assert dead_runs.end(instance) == []


def test_a_run_that_was_ended_from_outside_is_told_of_by_what_was_said_last(instance: dg.DagsterInstance) -> None:
    from orchestration import notifications

    _started(instance, os.getpid())
    (run,) = instance.get_runs()
    instance.report_engine_event("The process of the step popup_profile was killed by signal 9", run)
    instance.report_run_failed(run)
    (failure,) = instance.all_logs(RUN, of_type=dg.DagsterEventType.RUN_FAILURE)
    why = failure.dagster_event and failure.dagster_event.message
    assert why == "This run has been marked as failed from outside the execution context."

    notice = notifications.of_failure(instance, run, why)

    assert notice.body == "The process of the step popup_profile was killed by signal 9"
    assert notifications.of_failure(instance, run, "No space is left.").body == "No space is left."


def test_of_a_run_that_said_nothing_there_is_no_last_word(instance: dg.DagsterInstance) -> None:
    from orchestration.failures import last_word

    run = dg.DagsterRun(job_name="retrain", run_id=RUN, status=STARTED)
    instance.add_run(run)
    instance.report_run_failed(run)

    assert last_word(instance, RUN) is None


def test_the_place_in_a_pool_of_a_run_that_others_have_ended_is_free_again() -> None:
    from orchestration import dead_runs

    with tempfile.TemporaryDirectory() as folder, dg.DagsterInstance.local_temp(folder) as instance:
        storage = instance.event_log_storage
        storage.set_concurrency_slots("warehouse", 1)
        _started(instance, os.getpid())
        assert storage.claim_concurrency_slot("warehouse", RUN, "training_set").is_claimed
        assert dead_runs.end(instance) == []
        assert storage.get_concurrency_run_ids() == {RUN}

        # as Dagster's own server does, which sees the process end
        (run,) = instance.get_runs()
        instance.report_run_failed(run)

        assert dead_runs.end(instance) == []
        assert storage.get_concurrency_run_ids() == set()
        assert storage.claim_concurrency_slot("warehouse", "another", "training_set").is_claimed
