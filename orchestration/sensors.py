"""What runs because something has happened: retraining for drift, notices of what goes wrong, runs that died."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import dagster as dg

from ml.drift_verdict import MOVED, Verdict
from ml.ledger import Kind, Move
from ml.promotion import Seat
from ml.registry import Registry
from ml.specs import REGISTERED
from orchestration import dead_runs, notifications
from orchestration.assets.models import DRIFT_TAG
from orchestration.assets.monitoring import feature_drift
from orchestration.jobs import everything, retrain
from orchestration.resources import SETTINGS
from orchestration.retraining import Report, Rest, judge
from orchestration.told import last_told, note, tell_once
from tactful.notices import Urgency, champion_moved, send

_DRIFT = "the verdict on drift"
_REPORTS = 40
"""Drift reports that are looked back at: there is one a day, and a window may have been judged several times."""


@dg.sensor(job=retrain, minimum_interval_seconds=60, default_status=dg.DefaultSensorStatus.RUNNING)
def retrain_on_drift(context: dg.SensorEvaluationContext) -> dg.RunRequest | dg.SkipReason:
    """Asks for retraining, once a window at most, when the drift reports say so; the evidence is in the run's tags."""
    cooldown = timedelta(hours=SETTINGS.retrain_cooldown_hours)
    judged = judge(_reports(context.instance), datetime.now(UTC), _retrained_at(context.instance), cooldown)
    if isinstance(judged, Rest):
        return dg.SkipReason(judged.reason)
    if context.cursor == judged.window:
        return dg.SkipReason(f"The window {judged.window} has asked already.")
    context.update_cursor(judged.window)
    # Dagster starts one run a run key, also where it dies before it has kept the cursor
    return dg.RunRequest(
        run_key=f"drift-{judged.window}",
        tags={
            "tactful/drift": judged.evidence,
            "tactful/window": judged.window,
            DRIFT_TAG: judged.drifted_on.isoformat(),
        },
    )


def _reports(instance: dg.DagsterInstance) -> Sequence[Report]:
    """What the newest drift reports said, the newest first."""
    records = instance.fetch_materializations(feature_drift.key, limit=_REPORTS).records
    stated = [record.asset_materialization.metadata for record in records if record.asset_materialization]
    return [
        Report(str(said["window"].value), Verdict(str(said["verdict"].value)), str(said["reason"].value))
        for said in stated
    ]


def _retrained_at(instance: dg.DagsterInstance) -> datetime | None:
    """When models were last learnt or asked to be, whoever asked."""
    newest = [
        record.create_timestamp
        for job in (retrain, everything)
        for record in instance.get_run_records(dg.RunsFilter(job_name=job.name), limit=1)
    ]
    return max(newest, default=None)


@dg.sensor(minimum_interval_seconds=60, default_status=dg.DefaultSensorStatus.RUNNING)
def notify_on_drift(context: dg.SensorEvaluationContext) -> dg.SkipReason:
    """Tells of a drift report that asks for a look, once until its verdict is another."""
    newest = next(iter(_reports(context.instance)), None)
    if newest is None:
        return dg.SkipReason("There is no drift report yet.")
    if newest.verdict in (*MOVED, Verdict.RELABELLING_SUSPECTED):
        tell_once(context.instance, SETTINGS, _DRIFT, newest.verdict, notifications.of_drift(newest))
    else:
        note(context.instance, _DRIFT, newest.verdict)
    return dg.SkipReason(f"{newest.window}: {newest.verdict}.")


@dg.run_failure_sensor(monitor_all_code_locations=True, default_status=dg.DefaultSensorStatus.RUNNING)
def notify_on_failure(context: dg.RunFailureSensorContext) -> None:
    """Tells which steps of a run failed and why, or that its process died."""
    send(SETTINGS, notifications.of_failure(context.instance, context.dagster_run, context.failure_event.message))


@dg.run_status_sensor(
    run_status=dg.DagsterRunStatus.SUCCESS,
    monitor_all_code_locations=True,
    default_status=dg.DefaultSensorStatus.RUNNING,
)
def notify_on_failed_checks(context: dg.RunStatusSensorContext) -> None:
    """Tells which checks failed in a run that went on all the same."""
    notice = notifications.of_failed_checks(context.instance, context.dagster_run)
    if notice:
        send(SETTINGS, notice)


@dg.sensor(minimum_interval_seconds=60, default_status=dg.DefaultSensorStatus.RUNNING)
def end_dead_runs(context: dg.SensorEvaluationContext) -> dg.SkipReason:
    """Ends runs whose process is gone, which would else keep others waiting until their time is over."""
    ended = dead_runs.end(context.instance)
    return dg.SkipReason(f"Ended, since their processes are gone: {', '.join(ended)}." if ended else "No run has died.")


@dg.sensor(minimum_interval_seconds=60, default_status=dg.DefaultSensorStatus.RUNNING)
def notify_on_moves(context: dg.SensorEvaluationContext) -> dg.SkipReason:
    """Tells of every champion that has moved since the last look, whoever moved it; the first look tells of none."""
    new = [move for name in REGISTERED for move in _tell_moves(context.instance, name)]
    return dg.SkipReason("; ".join(map(str, new)) or "No champion has moved.")


def _tell_moves(instance: dg.DagsterInstance, model: str) -> Sequence[Move]:
    """Tell of a model's moves one by one, and return those that were new."""
    moves, about = _moves(model), f"moves of {model}"
    known = last_told(instance, about)
    if known is None:
        note(instance, about, str(len(moves)))
        return ()
    for number in range(int(known), len(moves)):
        move = moves[number]
        urgency: Urgency = "info" if move.kind is Kind.PROMOTE else "warning"
        notice = champion_moved(move.model, move.from_version, move.to_version, _why(move), urgency)
        tell_once(instance, SETTINGS, about, str(number + 1), notice)
    return moves[int(known) :]


def _moves(model: str) -> Sequence[Move]:
    """All moves of a model's champion, those made in MLflow itself among them."""
    registry = Registry.of(SETTINGS)
    Seat(registry, model).settle()
    return registry.ledger.moves(model)


def _why(move: Move) -> str:
    return f"{move.kind}, asked by {move.asked_by}. {move.reason}"


@dg.sensor(minimum_interval_seconds=60, default_status=dg.DefaultSensorStatus.RUNNING)
def notify_on_failed_ticks(context: dg.SensorEvaluationContext) -> dg.SkipReason:
    """Tells of schedules and sensors that fail before they have asked for a run; of each once a day, while it fails."""
    failed = list(notifications.failed_ticks(context.instance))
    for tick in failed:
        day = f"{datetime.fromtimestamp(tick.timestamp, SETTINGS.zone):%Y-%m-%d}"
        notice = notifications.of_failed_tick(tick)
        tell_once(context.instance, SETTINGS, f"ticks of {tick.instigator_name}", day, notice)
    return dg.SkipReason(", ".join(f"{tick.instigator_name} fails" for tick in failed) or "No tick has failed.")


SENSORS = [
    retrain_on_drift,
    notify_on_drift,
    notify_on_failure,
    notify_on_failed_checks,
    notify_on_failed_ticks,
    notify_on_moves,
    end_dead_runs,
]
