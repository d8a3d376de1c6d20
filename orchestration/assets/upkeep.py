"""Upkeep: what trainings that died have left behind."""

from datetime import UTC, datetime

import dagster as dg

from ml.specs import REGISTERED
from orchestration.resources import OWNERS, LandingResource, RegistryResource, names

GROUP = "upkeep"


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
