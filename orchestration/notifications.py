"""What is told of runs and ticks that failed, of checks that did in a run that went on, and of drift."""

from collections.abc import Iterator

import dagster as dg
from dagster._core.scheduler.instigation import InstigatorStatus, InstigatorTick, TickStatus

from orchestration.failures import cause_of, failed_checks, failed_steps, last_word
from orchestration.retraining import Report
from tactful.notices import Notice

_ON = {InstigatorStatus.RUNNING, InstigatorStatus.DECLARED_IN_CODE}
_FROM_OUTSIDE = "marked as failed from outside"
"""What Dagster says of a run whose process it saw end, whatever ended it."""
_ENDED = [TickStatus.SUCCESS, TickStatus.SKIPPED, TickStatus.FAILURE]


def of_failure(instance: dg.DagsterInstance, run: dg.DagsterRun, why: str | None) -> Notice:
    """What is told of a run that failed: its steps and checks, or `why` where none of them did."""
    steps = list(failed_steps(instance, run.run_id))
    checks = [told for _, told in failed_checks(instance, run.run_id)]
    if why is None or _FROM_OUTSIDE in why:
        why = last_word(instance, run.run_id) or why
    lines = [*steps, *checks] or [why or "no reason was given"]
    return Notice(f"The run {run.run_id[:8]} of {run.job_name} failed", "\n".join(lines))


def of_failed_checks(instance: dg.DagsterInstance, run: dg.DagsterRun) -> Notice | None:
    """What is told of a run that went on although checks failed; nothing where none did."""
    failed = list(failed_checks(instance, run.run_id))
    if not failed:
        return None
    is_grave = any(severity == dg.AssetCheckSeverity.ERROR for severity, _ in failed)
    title = f"Checks failed in the run {run.run_id[:8]} of {run.job_name}: {len(failed)}"
    return Notice(title, "\n".join(told for _, told in failed), "failure" if is_grave else "warning")


def of_drift(report: Report) -> Notice:
    """What is told of a drift report whose verdict asks for a look."""
    return Notice(f"Drift, {report.window}: {report.verdict}", report.reason, "warning")


def failed_ticks(instance: dg.DagsterInstance) -> Iterator[InstigatorTick]:
    """The newest tick of each schedule and sensor that is switched on, where it failed."""
    for state in instance.all_instigator_state(instigator_statuses=_ON):
        newest = instance.get_ticks(state.instigator_origin_id, state.selector_id, limit=1, statuses=_ENDED)
        yield from (tick for tick in newest if tick.status == TickStatus.FAILURE)


def of_failed_tick(tick: InstigatorTick) -> Notice:
    """What is told of a schedule or sensor that could not say what it asks for."""
    return Notice(f"The {tick.instigator_type.value.lower()} {tick.instigator_name} failed", cause_of(tick.error))
