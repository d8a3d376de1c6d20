"""The drill's loop in small: a shop's visitors turn, and the platform adapts; somebody errs, and it goes back."""

from datetime import date
from pathlib import Path
from typing import Any

import pytest

from benchmarks.loop import Turning, adapt, err, settle
from benchmarks.world import SPEC, World

# MLflow warns of a type hint of its own when it is imported
pytestmark = pytest.mark.filterwarnings("ignore:.*Any type hint is inferred")

TURNING = Turning(before=28, after=28, sessions_per_day=2_500, willing=3.5, delivered=(7,))


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory, manifest: Path) -> World:
    """A platform that has learnt from a shop up to its turn."""
    return settle(TURNING, tmp_path_factory.mktemp("loop"))


@pytest.fixture(scope="module")
def adapted(world: World) -> dict[str, Any]:
    return adapt(world, TURNING)


def test_after_a_turn_a_champion_stands_that_learnt_of_it_with_no_hand_in_it(
    world: World, adapted: dict[str, Any]
) -> None:
    assert date.fromisoformat(adapted["trained_to"]) >= TURNING.turn
    moves = world.registry.ledger.moves(SPEC.name)
    assert [move.asked_by for move in moves] == ["gate"] * len(moves)
    assert moves[-1].to_version == adapted["champion"]
    # the run that drift asked for, by its key
    asked = next(told["asked"] for told in reversed(world.log) if told["who"] == "retrain_on_drift")
    assert asked.removeprefix("drift-") == moves[-1].evidence["asked"]["tactful/window"]


def test_a_bad_champion_is_sent_back_by_the_daily_job(world: World, adapted: dict[str, Any]) -> None:
    back = err(world, TURNING)

    assert back["rolled_back_on"] is not None
    assert back["conversions_lost"] > 0
    assert back["live_at"] == {"before": adapted["champion"], "during": back["planted"], "after": adapted["champion"]}
    assert world.champion.version == adapted["champion"]
