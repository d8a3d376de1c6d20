"""Runs as notices: what is told of one that failed, or went on although a check failed."""

import dagster as dg

from orchestration.failures import failed_checks, failed_steps
from tactful.notices import Notice


def of_failure(instance: dg.DagsterInstance, run: dg.DagsterRun, why: str | None) -> Notice:
    """What is told of a run that failed: its steps and checks, or `why` where none of them did."""
    steps = list(failed_steps(instance, run.run_id))
    checks = [told for _, told in failed_checks(instance, run.run_id)]
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
