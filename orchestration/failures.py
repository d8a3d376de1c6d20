"""What went wrong in a run, in one line a step or a check."""

from collections.abc import Iterator

import dagster as dg
from dagster_shared.error import SerializableErrorInfo


def reason_of(event: dg.DagsterEvent) -> str:
    """What went wrong in a step that failed."""
    data = event.step_failure_data
    if data.user_failure_data and data.user_failure_data.description:
        return str(data.user_failure_data.description)
    return cause_of(data.error)


def cause_of(error: SerializableErrorInfo | None) -> str:
    """The first line of the error that an error comes from."""
    while error is not None and error.cause is not None:
        error = error.cause
    return error.message.strip().splitlines()[0] if error else "no reason was given"


def last_word(instance: dg.DagsterInstance, run_id: str) -> str | None:
    """What was said last of a run that no step failed in, as that its process was killed."""
    said = [entry.dagster_event for entry in instance.all_logs(run_id, of_type=dg.DagsterEventType.ENGINE_EVENT)]
    return next((event.message for event in reversed(said) if event and event.message), None)


def failed_steps(instance: dg.DagsterInstance, run_id: str) -> Iterator[str]:
    """The steps of a run that failed, each with its reason."""
    for entry in instance.all_logs(run_id, of_type=dg.DagsterEventType.STEP_FAILURE):
        if entry.dagster_event:
            yield f"{entry.dagster_event.step_key}: {reason_of(entry.dagster_event)}"


def failed_checks(instance: dg.DagsterInstance, run_id: str) -> Iterator[tuple[dg.AssetCheckSeverity, str]]:
    """The checks of a run that failed, each with how grave that is and what it told."""
    for entry in instance.all_logs(run_id, of_type=dg.DagsterEventType.ASSET_CHECK_EVALUATION):
        if entry.dagster_event:
            told = entry.dagster_event.asset_check_evaluation_data
            if not told.passed:
                yield (
                    told.severity,
                    f"{told.check_name} of {told.asset_key.to_user_string()}: {told.description or 'failed'}",
                )
