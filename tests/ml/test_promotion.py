"""Who becomes champion, and who no more: each move is on record, also one made by hand elsewhere."""

from dataclasses import replace

import pytest
from mlflow import MlflowClient

from ml.bundle import BundleError
from ml.gate import GateOutcome
from ml.promotion import ChampionMoved, Seat
from ml.registry import CHAMPION, Registry, RegistryError
from tests.ml import rivals
from tests.ml.conftest import HEADER
from tests.ml.seats import ORDER, champion_of, moves_on, seat_of_three

# MLflow warns of a type hint of its own when it is imported
pytestmark = pytest.mark.filterwarnings("ignore:.*Any type hint is inferred")


@pytest.fixture
def seat(mlflow_registry: Registry, request: pytest.FixtureRequest) -> Seat:
    return seat_of_three(mlflow_registry, request.node.name)


def test_each_move_is_on_record_with_who_why_and_both_digests(seat: Seat) -> None:
    seat.promote("1", ORDER, None)
    moved = seat.promote("2", ORDER, "1")

    one, two = (seat.registry.version(seat.model, version) for version in "12")
    assert (moved.from_digest, moved.to_digest) == (one.digest, two.digest)
    assert (moved.asked_by, moved.reason, moved.evidence) == ("a test", "to see", {"rows": 3})
    assert seat.ledger.moves(seat.model)[-1] == moved

    seat.roll_back(replace(ORDER, asked_by="Ada"))
    seat.retire(ORDER, "1")
    assert moves_on(seat) == [
        ("promote", None, "1", "a test"),
        ("promote", "1", "2", "a test"),
        ("rollback", "2", "1", "Ada"),
        ("retire", "1", None, "a test"),
    ]
    assert champion_of(seat) is None


def test_a_promotion_that_expects_another_champion_is_refused(seat: Seat) -> None:
    seat.promote("1", ORDER, None)

    with pytest.raises(ChampionMoved, match=r"E_CHAMPION_MOVED: the champion of \w+ is version 1 now, and nobody was"):
        seat.promote("2", ORDER, None)

    assert champion_of(seat) == "1"
    assert len(moves_on(seat)) == 1


def test_the_champion_is_not_promoted_again(seat: Seat) -> None:
    seat.promote("1", ORDER, None)
    with pytest.raises(RegistryError, match="is champion already"):
        seat.promote("1", ORDER, "1")


def test_there_is_nothing_to_go_back_to_before_the_second_champion(seat: Seat) -> None:
    with pytest.raises(RegistryError, match="nobody is champion"):
        seat.roll_back(ORDER)
    seat.promote("1", ORDER, None)
    with pytest.raises(RegistryError, match="version 1 is its first"):
        seat.roll_back(ORDER)


def test_nobody_goes_back_to_another_contract(seat: Seat) -> None:
    other = rivals.add_version(seat.registry, seat.model, rivals.good(), {"contract": "another"})
    seat.promote(other, ORDER, None)
    seat.promote("1", ORDER, other)

    with pytest.raises(RegistryError, match="reads the contract another, and version 1 c0ffee"):
        seat.roll_back(ORDER)
    assert champion_of(seat) == "1"


def test_a_version_that_is_not_there_is_refused_by_name(seat: Seat) -> None:
    with pytest.raises(RegistryError, match="has no version 9; it has 3, 2, 1"):
        seat.promote("9", ORDER, None)


def test_a_champion_that_was_made_elsewhere_is_found(seat: Seat) -> None:
    seat.promote("1", ORDER, None)
    client = MlflowClient(seat.registry.tracking_uri, seat.registry.tracking_uri)
    client.set_registered_model_alias(seat.model, CHAMPION, "3")

    seat.promote("2", ORDER, "3")

    assert [(kind, to) for kind, _, to, _ in moves_on(seat)] == [("promote", "1"), ("found", "3"), ("promote", "2")]
    seat.roll_back(ORDER)
    assert champion_of(seat) == "3"


@pytest.mark.parametrize(
    ("is_passed", "may_stay", "champion", "told"),
    [
        (True, True, "2", "Good."),
        (False, True, "1", "Good. Version 1 stays champion."),
        (
            False,
            False,
            None,
            "Good. Version 1 is champion no more: data are not whole, or it learnt another event or contract.",
        ),
    ],
)
def test_a_release_promotes_keeps_or_retires(
    seat: Seat, is_passed: bool, may_stay: bool, champion: str | None, told: str
) -> None:
    seat.promote("1", ORDER, None)

    outcome = seat.conclude(
        "2", GateOutcome(is_passed, "Good."), seat.registry.champion(seat.model), may_stay, {"rows": 3}
    )

    assert outcome == GateOutcome(is_passed, told)
    client = MlflowClient(seat.registry.tracking_uri, seat.registry.tracking_uri)
    assert client.get_model_version(seat.model, "2").description.endswith(f"## The gate\n\n{told}\n")
    assert champion_of(seat) == champion


def test_a_release_whose_rival_was_replaced_meanwhile_moves_nothing(seat: Seat) -> None:
    outcome = seat.conclude("2", GateOutcome(True, "Good."), None, True, {})
    assert outcome.is_passed
    late = seat.conclude("3", GateOutcome(True, "Good."), None, True, {})
    assert not late.is_passed
    assert "E_CHAMPION_MOVED" in late.reason
    assert champion_of(seat) == "2"


@pytest.mark.parametrize(
    ("row", "threshold", "flaw"),
    [("M09", 1.5, "its threshold is 1.5"), ("M09", -0.1, "its threshold is -0.1"), ("M09", 0.5, None)],
)
def test_a_threshold_that_is_no_probability_is_not_promoted(
    seat: Seat, row: str, threshold: float, flaw: str | None
) -> None:
    stated = replace(rivals.good(), header=replace(HEADER, threshold=threshold))
    version = rivals.add_version(seat.registry, seat.model, stated)
    if flaw is None:
        seat.promote(version, ORDER, None)
    else:
        with pytest.raises(BundleError, match=flaw):
            seat.promote(version, ORDER, None)
        assert champion_of(seat) is None
