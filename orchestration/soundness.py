"""A run does not build on what is not sound: what failed a blocking check, was not checked, or was left half built.

Dagster's own blocking checks hold for the run that they fail in. This holds for those after it.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence, Set
from dataclasses import dataclass
from datetime import date

import dagster as dg

from orchestration.run_days import days_stated
from tactful.claims import Days

AT_WORK = "tactful/at_work"
"""Tag of a run that has begun to build: its own id, since a retry bears the tags of the run that it is to make good.

One that was refused before has changed nothing.
"""

_RUNS = 50
"""Runs that are looked back at."""

IN_A_REGISTRY = "mlflow"
"""The kind of an asset whose last good version stands, whatever came of those after it: an alias moves last."""

_OF = dg.DagsterEventType
_TELLING = {
    _OF.ASSET_MATERIALIZATION_PLANNED,
    _OF.ASSET_MATERIALIZATION,
    _OF.ASSET_CHECK_EVALUATION_PLANNED,
    _OF.ASSET_CHECK_EVALUATION,
}


@dataclass(frozen=True)
class Attempt:
    """What a run was to build, what of it was built, and of which checks it told whether they let others go on.

    `asked` are the checks that it was to tell of, and `days` those that it was about; None: all of them.
    """

    run_id: str
    planned: Set[dg.AssetKey]
    built: Set[dg.AssetKey]
    checks: Mapping[dg.AssetCheckKey, bool]
    asked: Set[dg.AssetCheckKey] = frozenset()
    days: Days | None = None

    def __str__(self) -> str:
        run = f"run {self.run_id[:8]}"
        return f"{run} of {self.days}" if self.days else run


@dataclass(frozen=True)
class Needed:
    """What is built on: the checks that block it, and whether each of its days is built by itself."""

    checks: Sequence[dg.AssetCheckKey]
    is_by_day: bool = False


def trouble(attempts: Iterable[Attempt], needed: Mapping[dg.AssetKey, Needed]) -> str | None:
    """Why one of the `needed` assets is not sound; None where all of them are.

    Of `attempts`, the newest first, the newest that was to build an asset tells of it, and the newest of each day where
    it is built by day. Of its checks that attempt tells, or a later one that checked alone. A check that told nothing
    counts as failed. What nobody was to build is not judged.
    """
    later: list[Attempt] = []
    left, judged = dict(needed), defaultdict[dg.AssetKey, set[date]](set)
    for attempt in attempts:
        days = set(attempt.days or ())
        news = {
            asset: left[asset] for asset in sorted(left.keys() & attempt.planned) if not days or days - judged[asset]
        }
        if why := _flaw(attempt, news, later):
            return why
        for asset, its in news.items():
            judged[asset] |= days
            if not (days and its.is_by_day):
                del left[asset]
        if not left:
            break
        later.insert(0, attempt)
    return None


def _flaw(attempt: Attempt, assets: Mapping[dg.AssetKey, Needed], later: Sequence[Attempt]) -> str | None:
    """What an attempt left unsound; a failed check is often the cause of what is unbuilt, and so is named before it."""
    for check in (check for asset in assets if asset in attempt.built for check in assets[asset].checks):
        passed = _word(check, attempt, later)
        if not passed:
            how = f"told nothing since {attempt} built it" if passed is None else f"failed since {attempt} built it"
            return f"{check.name} of {check.asset_key.to_user_string()} has {how}"
    unbuilt = next((asset for asset in assets if asset not in attempt.built), None)
    return f"{unbuilt.to_user_string()} was not built by {attempt}, which was to" if unbuilt else None


def _word(check: dg.AssetCheckKey, attempt: Attempt, later: Sequence[Attempt]) -> bool | None:
    """What a check has told last of what an attempt built; None: nothing."""
    alone = [one for one in later if check.asset_key not in one.planned and _is_about(one.days, attempt.days)]
    return next((one.checks[check] for one in (*alone, attempt) if check in one.checks), None)


def _is_about(days: Days | None, those: Days | None) -> bool:
    return days is None or (those is not None and those in days)


def refuse_unsound(instance: dg.DagsterInstance, run_id: str) -> None:
    """Refuse a run that builds on what is not sound, and note that any other is at work.

    Raises:
        dagster.Failure: names the asset and the check.
    """
    own = _attempt(instance, run_id)
    if needed := _needed(own):
        before = (run for run in instance.get_runs(limit=_RUNS) if run.tags.get(AT_WORK) == run.run_id != run_id)
        attempts = (_attempt(instance, run.run_id, run.tags) for run in before)
        why = trouble(attempts, needed)
        if why:
            raise dg.Failure(f"{why}: build it again, as `tactful backfill` does with days.", allow_retries=False)
    instance.add_run_tags(run_id, {AT_WORK: run_id})


def _needed(own: Attempt) -> Mapping[dg.AssetKey, Needed]:
    """What a run builds on, directly or not, and is not to build itself.

    A run that goes on where one died tells of the checks that the other left.
    """
    from orchestration.definitions import defs

    graph = defs.resolve_asset_graph()
    needed: dict[dg.AssetKey, Needed] = {}
    to_visit = [key for key in own.planned if graph.has(key)]
    while to_visit:
        for parent in graph.get(to_visit.pop()).parent_keys - own.planned - needed.keys():
            node = graph.get(parent)
            if IN_A_REGISTRY not in node.kinds:
                checks = [check for check in node.check_keys - own.asked if graph.get(check).blocking]
                needed[parent] = Needed(checks, node.is_partitioned)
                to_visit.append(parent)
    return needed


def _attempt(instance: dg.DagsterInstance, run_id: str, tags: Mapping[str, str] = {}) -> Attempt:
    entries = instance.all_logs(run_id, of_type=_TELLING)
    events = [entry.dagster_event for entry in entries if entry.dagster_event]
    return Attempt(
        run_id,
        planned=_assets(events, _OF.ASSET_MATERIALIZATION_PLANNED),
        built=_assets(events, _OF.ASSET_MATERIALIZATION),
        checks={
            told.asset_check_key: told.passed or told.severity != dg.AssetCheckSeverity.ERROR
            for event in events
            if event.event_type == _OF.ASSET_CHECK_EVALUATION
            for told in [event.asset_check_evaluation_data]
        },
        asked={
            event.asset_check_planned_data.asset_check_key
            for event in events
            if event.event_type == _OF.ASSET_CHECK_EVALUATION_PLANNED
        },
        days=days_stated(tags),
    )


def _assets(events: Iterable[dg.DagsterEvent], of_type: dg.DagsterEventType) -> Set[dg.AssetKey]:
    return {event.asset_key for event in events if event.event_type == of_type and event.asset_key}
