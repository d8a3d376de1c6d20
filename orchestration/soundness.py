"""A run does not build on what is not sound: what failed a blocking check, was not checked, or was left half built.

Dagster's own blocking checks hold for the run that they fail in. This holds for those after it.
"""

from collections.abc import Iterable, Mapping, Sequence, Set
from dataclasses import dataclass

import dagster as dg

AT_WORK = "tactful/at_work"
"""Tag of a run that has begun to build; one that was refused before has changed nothing."""

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

    `asked` are the checks that it was to tell of.
    """

    run_id: str
    planned: Set[dg.AssetKey]
    built: Set[dg.AssetKey]
    checks: Mapping[dg.AssetCheckKey, bool]
    asked: Set[dg.AssetCheckKey] = frozenset()


def trouble(attempts: Iterable[Attempt], needed: Mapping[dg.AssetKey, Sequence[dg.AssetCheckKey]]) -> str | None:
    """Why one of the `needed` assets, each with the checks that block, is not sound; None where all of them are.

    Of `attempts`, the newest first, the newest that was to build an asset tells of it, and those since of its checks. A
    check that told nothing counts as failed. What nobody was to build is not judged. What failed a check is named
    before what was left unbuilt, since the one is often the cause of the other.
    """
    told: dict[dg.AssetCheckKey, bool] = {}
    unjudged = dict(needed)
    for attempt in attempts:
        told = {**attempt.checks, **told}
        judged = {asset: unjudged.pop(asset) for asset in sorted(unjudged.keys() & attempt.planned)}
        run = f"run {attempt.run_id[:8]}"
        for check in (check for asset in judged if asset in attempt.built for check in judged[asset]):
            if not told.get(check, False):
                how = f"failed after {run} had built it" if check in told else f"has told nothing since {run} built it"
                return f"{check.name} of {check.asset_key.to_user_string()} {how}"
        unbuilt = next((asset for asset in judged if asset not in attempt.built), None)
        if unbuilt:
            return f"{unbuilt.to_user_string()} was not built by {run}, which was to"
        if not unjudged:
            break
    return None


def refuse_unsound(instance: dg.DagsterInstance, run_id: str) -> None:
    """Refuse a run that builds on what is not sound, and note that any other is at work.

    Raises:
        dagster.Failure: names the asset and the check.
    """
    own = _attempt(instance, run_id)
    # a run that goes on where one died tells of the checks that the other left
    needed = {asset: [check for check in checks if check not in own.asked] for asset, checks in _needed(own).items()}
    if needed:
        before = instance.get_runs(dg.RunsFilter(tags={AT_WORK: "true"}), limit=_RUNS)
        attempts = (_attempt(instance, run.run_id) for run in before if run.run_id != run_id)
        why = trouble(attempts, needed)
        if why:
            raise dg.Failure(f"{why}: build it again before what depends on it.", allow_retries=False)
    instance.add_run_tags(run_id, {AT_WORK: "true"})


def _needed(own: Attempt) -> Mapping[dg.AssetKey, Sequence[dg.AssetCheckKey]]:
    """What a run builds on, directly or not, and is not to build itself; each with its blocking checks."""
    from orchestration.definitions import defs

    graph = defs.resolve_asset_graph()
    needed: dict[dg.AssetKey, Sequence[dg.AssetCheckKey]] = {}
    to_visit = [key for key in own.planned if graph.has(key)]
    while to_visit:
        for parent in graph.get(to_visit.pop()).parent_keys - own.planned - needed.keys():
            node = graph.get(parent)
            if IN_A_REGISTRY not in node.kinds:
                needed[parent] = [check for check in node.check_keys if graph.get(check).blocking]
                to_visit.append(parent)
    return needed


def _attempt(instance: dg.DagsterInstance, run_id: str) -> Attempt:
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
    )


def _assets(events: Iterable[dg.DagsterEvent], of_type: dg.DagsterEventType) -> Set[dg.AssetKey]:
    return {event.asset_key for event in events if event.event_type == of_type and event.asset_key}
