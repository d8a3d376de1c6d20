"""Champions move whole or not at all: two at once, and killed at any moment."""

import multiprocessing
import os
import random
import signal
import time
from multiprocessing.context import ForkServerContext
from multiprocessing.synchronize import Barrier
from pathlib import Path

import pytest

from ml import bundle, training
from ml.ledger import Kind
from ml.promotion import ChampionMoved, Seat
from ml.registry import Registry
from ml.versions import NewVersion
from tactful.settings import Settings
from tests.ml import rivals
from tests.ml.conftest import FEATURES, build_shop, fit_to_shop
from tests.ml.seats import ORDER, champion_of, moves_on, seat_of_three

# MLflow warns of a type hint of its own when it is imported
pytestmark = pytest.mark.filterwarnings("ignore:.*Any type hint is inferred")


@pytest.fixture
def seat(mlflow_registry: Registry, request: pytest.FixtureRequest) -> Seat:
    return seat_of_three(mlflow_registry, request.node.name)


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

    assert told == {champion_of(seat), "E_CHAMPION_MOVED"}
    assert [to for _, _, to, _ in moves_on(seat)] == [champion_of(seat)]


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
    assert champion_of(seat) == seat.ledger.moves(seat.model)[-1].to_version == champion
    assert len(moves_on(seat)) == int(champion)
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
