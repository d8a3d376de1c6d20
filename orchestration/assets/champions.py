"""Champions: the guard that sends one back, and the moves that a person asks for in the launchpad."""

from typing import Any

import dagster as dg
import pandas as pd

from orchestration.assets.models import GROUP, GUARD, GUARDED, training_set_file, training_sets
from orchestration.resources import OWNERS, SETTINGS, SOURCE, LandingResource, RegistryResource, refuse_unreadable


class PromotionOrder(dg.Config):
    """Which version is to become champion, why, and who asks; `expected` is the champion to be replaced, if stated."""

    model: str
    version: str
    reason: str
    by: str = ""
    expected: str = ""


class RollbackOrder(dg.Config):
    """Which model's champion is to make way for the one before it, why, and who asks; `expected` as of a promotion."""

    model: str
    reason: str
    by: str = ""
    expected: str = ""


@dg.asset(
    name=GUARD,
    deps=[training_sets[spec.name] for spec in GUARDED],
    group_name=GROUP,
    kinds={"xgboost", "mlflow"},
    owners=OWNERS,
)
def champion_guard(
    context: dg.AssetExecutionContext, landing: LandingResource, registry: RegistryResource
) -> dg.MaterializeResult:
    """Each champion that decides beside the one before it; one that is surely worse goes back by itself."""
    from ml.guard import watch

    # with the home's turn, nobody writes the training sets anew
    landing.take()
    watched: dict[str, Any] = {}
    for spec in GUARDED:
        frame = pd.read_parquet(training_set_file(spec.name))
        found = None if frame.empty else watch(spec, registry.open(), frame, SETTINGS.impression_budget)
        if found is None:
            watched[spec.name] = {"status": "not_watched"}
            continue
        status = "rolled_back" if found.is_rolled_back else "stays"
        (context.log.warning if found.is_rolled_back else context.log.info)(f"{spec.name}: {found.reason}")
        versions = {"version": found.version, "predecessor": found.predecessor}
        watched[spec.name] = {"status": status, "reason": found.reason, **versions, **found.as_metadata()}
    return dg.MaterializeResult(metadata={name: dg.JsonMetadataValue(told) for name, told in watched.items()})


@dg.op
def promotion(context: dg.OpExecutionContext, config: PromotionOrder, registry: RegistryResource) -> None:
    """Makes a version champion, and puts it on record."""
    from ml.promotion import Order, Seat, seen_until

    refuse_unreadable()
    models = registry.open()
    champion = models.champion(config.model)
    expected = config.expected or (champion.version if champion else None)
    order = Order(_asked_by(context, config.by), config.reason, seen_until(SOURCE.last, SETTINGS.zone))
    move = Seat(models, config.model).promote(config.version, order, expected)
    context.add_output_metadata({"moved": str(move), "version": config.version, "model": config.model})


@dg.op
def rollback(context: dg.OpExecutionContext, config: RollbackOrder, registry: RegistryResource) -> None:
    """Makes the champion before the champion champion again, and puts it on record."""
    from ml.promotion import Order, Seat

    order = Order(_asked_by(context, config.by), config.reason)
    move = Seat(registry.open(), config.model).roll_back(order, config.expected or None)
    context.add_output_metadata({"moved": str(move), "version": str(move.to_version), "model": config.model})


@dg.job
def promote_model() -> None:
    """A version of a model becomes champion: say in the launchpad which, and why."""
    promotion()


@dg.job
def roll_back_model() -> None:
    """A model's champion makes way for the one before it: say in the launchpad which model's, and why."""
    rollback()


def _asked_by(context: dg.OpExecutionContext, by: str) -> str:
    return by or f"Dagster run {context.run_id}"
