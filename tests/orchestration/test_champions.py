"""The guard and the moves that a person starts in the launchpad, on a registry of their own."""

from pathlib import Path
from typing import Any

import dagster as dg
import pandas as pd
import pytest

from ml.promotion import DATA_UNTIL, Order, Seat
from ml.registry import Registry
from orchestration.resources import LandingResource, RegistryResource
from tactful.settings import Settings
from tests.ml import rivals

# MLflow warns of a type hint of its own when it is imported
pytestmark = pytest.mark.filterwarnings("ignore:.*Any type hint is inferred")

MODEL = "popup_profile"


class RegistryOfHome(RegistryResource):
    """The registry of a home of the test's."""

    home: str

    def open(self) -> Registry:
        return Registry.of(Settings(home=Path(self.home)))


@pytest.fixture
def registry(tmp_path: Path) -> RegistryOfHome:
    """A good version, a bad one, and nobody who is champion."""
    resource = RegistryOfHome(home=str(tmp_path))
    for version in (rivals.good(), rivals.bad()):
        rivals.add_version(resource.open(), MODEL, version)
    return resource


def _champion(registry: RegistryOfHome) -> str | None:
    found = registry.open().champion(MODEL)
    return found.version if found else None


def test_a_person_promotes_and_rolls_back_from_the_launchpad(registry: RegistryOfHome) -> None:
    from orchestration.assets.champions import promote_model, roll_back_model

    for version in "12":
        order = {"model": MODEL, "version": version, "reason": "a campaign", "by": "Ada"}
        promoted = promote_model.execute_in_process(
            {"ops": {"promotion": {"config": order}}}, resources={"registry": registry}
        )
        assert promoted.success
        assert _champion(registry) == version
    run = roll_back_model.execute_in_process(
        {"ops": {"rollback": {"config": {"model": MODEL, "reason": "complaints"}}}}, resources={"registry": registry}
    )

    assert _champion(registry) == "1"
    moves = registry.open().ledger.moves(MODEL)
    assert [(move.kind, move.asked_by) for move in moves] == [
        ("promote", "Ada"),
        ("promote", "Ada"),
        ("rollback", f"Dagster run {run.run_id}"),
    ]
    (output,) = [event for event in run.all_events if event.event_type == dg.DagsterEventType.STEP_OUTPUT]
    assert output.step_output_data.metadata["moved"].value == str(moves[-1])


def test_the_guard_tells_what_it_did(registry: RegistryOfHome, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from orchestration.assets import champions

    seat = Seat(registry.open(), MODEL)
    seat.promote("1", Order("Ada", "first"), None)
    seat.promote("2", Order("Ada", "by mistake", {DATA_UNTIL: "2026-02-01T00:00:00+00:00"}), "1")
    monkeypatch.setattr(champions, "training_set_file", lambda name: tmp_path / f"{name}.parquet")
    rivals.shop().to_parquet(tmp_path / f"{MODEL}.parquet")
    pd.DataFrame().to_parquet(tmp_path / "popup_behaviour.parquet")

    resources = {"registry": registry, "landing": LandingResource(home=str(tmp_path))}
    told = dg.materialize([champions.champion_guard], resources=resources, raise_on_error=True)

    (event,) = told.asset_materializations_for_node("champion_guard")
    watched: dict[str, Any] = {name: value.value for name, value in event.metadata.items() if name.startswith("popup_")}
    assert watched["popup_behaviour"] == {"status": "not_watched"}
    assert (watched[MODEL]["status"], watched[MODEL]["version"], watched[MODEL]["predecessor"]) == (
        "rolled_back",
        "2",
        "1",
    )
    assert watched[MODEL]["conversions_lost"] > 0
    assert _champion(registry) == "1"
