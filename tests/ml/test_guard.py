"""A champion that is surely worse than the one before it goes back by itself."""

from dataclasses import replace

import pandas as pd
import pytest

from ml.guard import GUARD, settled, watch
from ml.promotion import DATA_UNTIL, Order, Seat
from ml.registry import Registry
from ml.specs import POPUP_PROFILE
from tests.ml import rivals

# MLflow warns of a type hint of its own when it is imported
pytestmark = pytest.mark.filterwarnings("ignore:.*Any type hint is inferred")

PROMOTED = pd.Timestamp("2026-02-05", tz="UTC")
ORDER = Order("Ada", "by mistake", {DATA_UNTIL: PROMOTED.isoformat()})
SHOP = rivals.shop()


@pytest.fixture
def seat(mlflow_registry: Registry, request: pytest.FixtureRequest) -> Seat:
    """Version 1 is good and champion, version 2 is bad, version 3 reads another contract."""
    name = request.node.name
    for version, tags in ((rivals.good(), {}), (rivals.bad(), {}), (rivals.bad(), {"contract": "another"})):
        rivals.add_version(mlflow_registry, name, version, tags)
    seat = Seat(mlflow_registry, name)
    seat.promote("1", ORDER, None)
    return seat


def _champion(seat: Seat) -> str | None:
    found = seat.registry.champion(seat.model)
    return found.version if found else None


def test_a_planted_bad_champion_is_rolled_back_and_the_conversions_lost_are_told(seat: Seat) -> None:
    seat.promote("2", ORDER, "1")
    spec = replace(POPUP_PROFILE, name=seat.model)

    found = watch(spec, seat.registry, SHOP, 0.4)

    since = settled(spec, SHOP)
    since = since[since["event_timestamp"] > PROMOTED]
    good, bad = (
        int((since["converts"] & (version.score(since) >= 0.5)).sum()) for version in (rivals.good(), rivals.bad())
    )
    assert found is not None
    assert found.is_rolled_back
    assert found.conversions_lost == good - bad > 0
    assert f"Conversions lost until now: {good - bad}." in found.reason
    assert _champion(seat) == "1"
    moved = seat.ledger.moves(seat.model)[-1]
    assert (moved.kind, moved.asked_by, moved.reason) == ("rollback", GUARD, found.reason)
    assert moved.evidence["conversions_lost"] == good - bad
    assert moved.evidence["rows"] == len(since)
    # what has gone back is watched no more
    assert watch(spec, seat.registry, SHOP, 0.4) is None


def test_a_good_champion_stays(seat: Seat) -> None:
    seat.promote("2", ORDER, "1")
    better = rivals.add_version(seat.registry, seat.model, rivals.good())
    seat.promote(better, ORDER, "2")

    found = watch(replace(POPUP_PROFILE, name=seat.model), seat.registry, SHOP, 0.4)

    assert found is not None
    assert (found.is_rolled_back, _champion(seat)) == (False, better)
    assert found.conversions_lost < 0


def test_days_before_the_promotion_say_nothing(seat: Seat) -> None:
    seat.promote("2", replace(ORDER, evidence={DATA_UNTIL: "2026-03-05T00:00:00+00:00"}), "1")

    found = watch(replace(POPUP_PROFILE, name=seat.model), seat.registry, SHOP, 0.4)

    assert found is not None
    assert (found.is_rolled_back, found.comparison, _champion(seat)) == (False, None, "2")
    assert "Cannot tell yet: 0 positives since then" in found.reason


def test_nobody_is_compared_with_another_contract_or_with_nobody(seat: Seat) -> None:
    spec = replace(POPUP_PROFILE, name=seat.model)
    assert watch(spec, seat.registry, SHOP, 0.4) is None
    seat.promote("3", ORDER, "1")
    assert watch(spec, seat.registry, SHOP, 0.4) is None
    assert _champion(seat) == "3"


def test_a_label_is_settled_once_its_horizon_is_over() -> None:
    moments = pd.to_datetime(["2026-02-01 08:00", "2026-02-01 12:00", "2026-02-01 12:01"], utc=True)
    frame = pd.DataFrame({"event_timestamp": moments})
    assert settled(POPUP_PROFILE, frame).index.tolist() == [0]
