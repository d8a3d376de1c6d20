"""Champions move whole or not at all: two at once, killed at any moment, moved by hand."""

import multiprocessing
import os
import random
import signal
import time
from dataclasses import replace
from multiprocessing.context import ForkServerContext
from multiprocessing.synchronize import Barrier
from pathlib import Path

import pytest
from mlflow import MlflowClient

from ml import bundle, training
from ml.bundle import BundleError
from ml.gate import GateOutcome
from ml.ledger import Kind
from ml.promotion import ChampionMoved, Order, Seat
from ml.registry import CHAMPION, Registry, RegistryError
from ml.versions import NewVersion
from tactful.settings import Settings
from tests.ml import rivals
from tests.ml.conftest import FEATURES, HEADER, build_shop, fit_to_shop

# MLflow warns of a type hint of its own when it is imported
pytestmark = pytest.mark.filterwarnings("ignore:.*Any type hint is inferred")

ORDER = Order("a test", "to see", {"rows": 3})


@pytest.fixture
def seat(mlflow_registry: Registry, request: pytest.FixtureRequest) -> Seat:
    """Three versions, of which nobody is champion."""
    name = "".join(sign for sign in request.node.name if sign.isalnum())
    for _ in range(3):
        rivals.add_version(mlflow_registry, name, rivals.good())
    return Seat(mlflow_registry, name)


def _champion(seat: Seat) -> str | None:
    found = seat.registry.champion(seat.model)
    return found.version if found else None


def _line(seat: Seat) -> list[tuple[str, str | None, str | None, str]]:
    return [
        (str(move.kind), move.from_version, move.to_version, move.asked_by) for move in seat.ledger.moves(seat.model)
    ]


def test_each_move_is_on_record_with_who_why_and_both_digests(seat: Seat) -> None:
    seat.promote("1", ORDER, None)
    moved = seat.promote("2", ORDER, "1")

    one, two = (seat.registry.version(seat.model, version) for version in "12")
    assert (moved.from_digest, moved.to_digest) == (one.digest, two.digest)
    assert (moved.asked_by, moved.reason, moved.evidence) == ("a test", "to see", {"rows": 3})
    assert seat.ledger.moves(seat.model)[-1] == moved

    seat.roll_back(replace(ORDER, asked_by="Ada"))
    seat.retire(ORDER, "1")
    assert _line(seat) == [
        ("promote", None, "1", "a test"),
        ("promote", "1", "2", "a test"),
        ("rollback", "2", "1", "Ada"),
        ("retire", "1", None, "a test"),
    ]
    assert _champion(seat) is None


def test_a_promotion_that_expects_another_champion_is_refused(seat: Seat) -> None:
    seat.promote("1", ORDER, None)

    with pytest.raises(ChampionMoved, match=r"E_CHAMPION_MOVED: the champion of \w+ is version 1 now, and nobody was"):
        seat.promote("2", ORDER, None)

    assert _champion(seat) == "1"
    assert len(_line(seat)) == 1


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
    assert _champion(seat) == "1"


def test_a_version_that_is_not_there_is_refused_by_name(seat: Seat) -> None:
    with pytest.raises(RegistryError, match="has no version 9; it has 3, 2, 1"):
        seat.promote("9", ORDER, None)


def test_a_champion_that_was_made_elsewhere_is_found(seat: Seat) -> None:
    seat.promote("1", ORDER, None)
    client = MlflowClient(seat.registry.tracking_uri, seat.registry.tracking_uri)
    client.set_registered_model_alias(seat.model, CHAMPION, "3")

    seat.promote("2", ORDER, "3")

    assert [(kind, to) for kind, _, to, _ in _line(seat)] == [("promote", "1"), ("found", "3"), ("promote", "2")]
    seat.roll_back(ORDER)
    assert _champion(seat) == "3"


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
    assert _champion(seat) == champion


def test_a_release_whose_rival_was_replaced_meanwhile_moves_nothing(seat: Seat) -> None:
    outcome = seat.conclude("2", GateOutcome(True, "Good."), None, True, {})
    assert outcome.is_passed
    late = seat.conclude("3", GateOutcome(True, "Good."), None, True, {})
    assert not late.is_passed
    assert "E_CHAMPION_MOVED" in late.reason
    assert _champion(seat) == "2"


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
        assert _champion(seat) is None


# processes


def _promote(home: Path, model: str, version: str, barrier: Barrier, answers: "multiprocessing.Queue[str]") -> None:
    seat = Seat(Registry.of(Settings(home=home)), model)
    barrier.wait()
    try:
        answers.put(str(seat.promote(version, ORDER, None).to_version))
    except ChampionMoved as moved:
        answers.put(moved.code)


class _Dying(Registry):
    """A registry whose process is killed as soon as an alias has moved."""

    def point(self, name: str, alias: str, version: str | None) -> None:
        super().point(name, alias, version)
        os.kill(os.getpid(), signal.SIGKILL)


class _DyingBefore(Registry):
    """A registry whose process is killed just before an alias moves."""

    def point(self, *_: object) -> None:
        os.kill(os.getpid(), signal.SIGKILL)


def _promote_and_die(home: Path, model: str, kind: type[Registry]) -> None:
    Seat(kind.of(Settings(home=home)), model).promote("2", ORDER, "1")


def _release(home: Path, new: NewVersion) -> None:
    registry = Registry.of(Settings(home=home))
    champion = registry.champion(new.name)
    version = registry.register(new)
    Seat(registry, new.name).promote(version, ORDER, champion.version if champion else None)


@pytest.fixture(scope="module")
def processes() -> ForkServerContext:
    """Processes that start at once, since what they import is there already."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["mlflow.xgboost", "mlflow.sklearn", "ml.promotion", __name__])
    return context


@pytest.fixture
def home(mlflow_registry: Registry) -> Path:
    return Path(mlflow_registry.tracking_uri.removeprefix("sqlite:///")).parents[1]


def test_f24_of_two_promotions_at_once_one_is_told_that_the_champion_moved(
    seat: Seat, home: Path, processes: ForkServerContext
) -> None:
    barrier, answers = processes.Barrier(2), processes.Queue()
    rivalry = [
        processes.Process(target=_promote, args=(home, seat.model, version, barrier, answers)) for version in "12"
    ]
    for process in rivalry:
        process.start()
    told = {answers.get(timeout=60) for _ in rivalry}
    for process in rivalry:
        process.join()

    assert told == {_champion(seat), "E_CHAMPION_MOVED"}
    assert [to for _, _, to, _ in _line(seat)] == [_champion(seat)]


@pytest.mark.parametrize(("kind", "champion"), [(_DyingBefore, "1"), (_Dying, "2")])
def test_f08_a_move_that_was_killed_is_settled_by_what_the_alias_says(
    seat: Seat, home: Path, processes: ForkServerContext, kind: type[Registry], champion: str
) -> None:
    seat.promote("1", ORDER, None)
    killed = processes.Process(target=_promote_and_die, args=(home, seat.model, kind))
    killed.start()
    killed.join()
    assert killed.exitcode == -signal.SIGKILL
    assert len(seat.ledger.unsettled(seat.model)) == 1

    seat.settle()

    assert seat.ledger.unsettled(seat.model) == []
    assert _champion(seat) == seat.ledger.moves(seat.model)[-1].to_version == champion
    assert len(_line(seat)) == int(champion)
    seat.promote("3", ORDER, champion)


def test_f07_f08_a_release_killed_at_any_moment_leaves_a_whole_champion(
    mlflow_registry: Registry, home: Path, processes: ForkServerContext, tmp_path: Path
) -> None:
    new = _new_version(tmp_path)
    begun = time.monotonic()
    _release(home, new)
    takes = time.monotonic() - begun
    seat, rng = Seat(mlflow_registry, new.name), random.Random(7)
    for _ in range(6):
        process = processes.Process(target=_release, args=(home, new))
        process.start()
        process.join(rng.uniform(0.0, 1.5 * takes))
        process.kill()
        process.join()

        seat.settle()
        champion = mlflow_registry.champion(new.name)
        assert champion is not None
        assert mlflow_registry.checked(new.name, champion.version) == champion
        assert seat.ledger.unsettled(new.name) == []
        assert seat.ledger.moves(new.name)[-1].to_version == champion.version
        assert {move.kind for move in seat.ledger.moves(new.name)} == {Kind.PROMOTE}


def _new_version(folder: Path) -> NewVersion:
    fitted = fit_to_shop("popup_profile")
    golden = training.golden_rows(fitted, build_shop("converts"))
    (folder / "plots").mkdir()
    return NewVersion(
        name="killed",
        purpose="",
        card="",
        model=fitted.booster,
        features=FEATURES,
        params={},
        metrics={},
        tags=rivals.CONTRACT,
        bundle_folder=folder / "bundle",
        digest=bundle.write(rivals.good(), folder / "bundle", golden),
        plots_folder=folder / "plots",
    )
