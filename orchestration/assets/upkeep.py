"""Upkeep: what trainings that died have left behind, and users who asked to be erased."""

from datetime import UTC, datetime

import dagster as dg

from ml.specs import REGISTERED
from orchestration.resources import OWNERS, SETTINGS, LandingResource, RegistryResource, names
from orchestration.turns import OfOneRun

GROUP = "upkeep"


# of no pool: a run that waits for its turn here would hold what the run whose turn it is waits for
@dg.asset(group_name=GROUP, kinds={"python"}, owners=OWNERS)
def asked_erasures(context: dg.AssetExecutionContext, turn: OfOneRun) -> dg.MaterializeResult:
    """Users for whom the decision service was asked to erase them, removed from every store before more is built."""
    from tactful import erasures

    # no other run builds what is erased; the landing's own turn would ask for an export that can be read
    turn.take()
    outcome = erasures.begin_with(SETTINGS)
    if outcome is not None and not outcome.is_done:
        context.log.warning(outcome.told)
    return dg.MaterializeResult(metadata={"told": outcome.told if outcome else "Nobody asked."})


@dg.asset(group_name=GROUP, kinds={"python"}, owners=OWNERS)
def abandoned_trainings(landing: LandingResource, registry: RegistryResource) -> dg.MaterializeResult:
    """Runs of MLflow whose process died, now ended, and versions they left unfinished, now marked; none is deleted."""
    from ml import janitor

    # with the home's turn, no other run is training in it
    landing.take()
    cleaning = janitor.clean(registry.open(), datetime.now(UTC), REGISTERED)
    return dg.MaterializeResult(
        metadata={
            "runs_ended": len(cleaning.ended),
            "versions_marked": len(cleaning.marked),
            "runs": names(cleaning.ended),
            "versions": names(cleaning.marked),
        }
    )
