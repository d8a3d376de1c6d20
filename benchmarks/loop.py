"""From a drift to a champion that has learnt from it, and from a bad champion back to a good one, with no hand in it.

    python -m benchmarks.loop

A shop's visitors turn from one day to the next (the scenario `drift_abrupt`), and its export is delivered every three
or four days. Each time the platform's own schedule `daily` and its own sensor `retrain_on_drift` are asked what is to
be done, and it is done, until a champion stands that learnt from days after the turn. Then somebody promotes a version
whose scores are the wrong way round, and a week goes on. Writes .tactful/bench/loop.json. The shop is simulated: no
figure says anything about real visitors.
"""

import json
import tempfile
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace
from datetime import UTC, date, datetime, timedelta
from itertools import cycle
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from rich.console import Console

from benchmarks.after_turn import next_week, others
from benchmarks.world import SPEC, World
from ml import bundle
from ml.bundle import Bundle, Calibration
from ml.reference import WEEK
from ml.registry import BUNDLE_DIGEST
from ml.versions import NewVersion
from simulator.changes import Drift
from simulator.effects import Effects
from simulator.scenarios import drift_abrupt
from simulator.shop import Shop
from tactful.models import Wish, promote, show_live_at
from tactful.run import run

REPORT = Path(".tactful") / "bench" / "loop.json"
ASKED = 0.97


@dataclass(frozen=True)
class Turning:
    """A shop whose visitors are others from the day on that follows the days `before`.

    `willing` is added to the logit of an answer to the pop-up, so that a week holds answers enough to tell versions
    apart. Days are `delivered` by so many, in turn.
    """

    before: int = 42
    after: int = 32
    sessions_per_day: float = 5_000
    willing: float = 2.0
    delivered: tuple[int, ...] = (4, 3)

    @property
    def turn(self) -> date:
        """The first day on which visitors are others."""
        return self.shop.calendar[self.before]

    @property
    def shop(self) -> Shop:
        effects = Effects()
        asked = replace(effects.converts_asked, base=effects.converts_asked.base + self.willing)
        shop = Shop(
            days=self.before + self.after,
            sessions_per_day=self.sessions_per_day,
            effects=replace(effects, converts_asked=asked),
        )
        (drift,) = (change for change in drift_abrupt(shop).changes if isinstance(change, Drift))
        return replace(shop, changes=(replace(drift, begins=shop.calendar[self.before]),))


def settle(turning: Turning, folder: Path) -> World:
    """The shop up to its turn, and a platform that has learnt from that, under `folder`."""
    world = World.of(turning.shop, folder)
    world.deliver(turning.before)
    run(world.settings, Console())
    return world


def adapt(world: World, turning: Turning) -> dict[str, Any]:
    """Deliver days until a champion stands that learnt from some after the turn, with a week left.

    Raises:
        RuntimeError: none does until then.
    """
    turn, last = turning.turn, world.shop.calendar[-1] - timedelta(days=WEEK)
    for days in _deliveries(turning, last - world.day):
        world.deliver(days)
        world.daily()
        world.watch()
        champion = world.champion
        if date.fromisoformat(champion.tags["trained_to"]) >= turn:
            return {
                "turn": f"{turn}",
                "stands_on": f"{world.day}",
                "weeks": ((world.day - turn).days + 1) / WEEK,
                "champion": champion.version,
                "trained_to": champion.tags["trained_to"],
                "moves": [str(move) for move in world.registry.ledger.moves(SPEC.name)],
            }
    raise RuntimeError(f"No champion has learnt from days since {turn} until {last}: {json.dumps(world.log)}")


def err(world: World, turning: Turning) -> dict[str, Any]:
    """Promote a bad version by hand, and let a week go on; what became of it, and what `live-at` tells."""
    good = world.champion
    before = datetime.now(UTC)
    bad = plant(world)
    promote(world.settings, Wish(SPEC.name, "planted by the drill", "drill"), bad, good.version, Console())
    during, lost, rolled_back = datetime.now(UTC), None, None
    for days in _deliveries(turning, timedelta(days=WEEK)):
        world.deliver(days)
        guard = world.daily().said["champion_guard"][SPEC.name]
        if guard["status"] == "rolled_back":
            rolled_back, lost = f"{world.day}", guard["conversions_lost"]
            break
    instants = {"before": before, "during": during, "after": datetime.now(UTC)}
    for instant in instants.values():
        show_live_at(world.settings, instant, SPEC.name, Console())
    live = {when: world.registry.ledger.live_at(SPEC.name, instant) for when, instant in instants.items()}
    return {
        "good": good.version,
        "planted": bad,
        "rolled_back_on": rolled_back,
        "conversions_lost": lost,
        "live_at": {when: move and move.to_version for when, move in live.items()},
    }


def plant(world: World) -> str:
    """Register the champion with its scores the wrong way round; returns the version."""
    registry, champion = world.registry, world.champion
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        there = registry.download_bundle(SPEC.name, champion.version, folder / "good")
        bad = reversed_version(bundle.read(there, champion.digest), world.moments)
        digest = bundle.write(bad, folder / "bad", json.loads((there / "golden.json").read_text())["rows"])
        (folder / "plots").mkdir()
        planted = NewVersion(
            name=SPEC.name,
            purpose=SPEC.description,
            card=f"Version {champion.version} with its scores the wrong way round.",
            model=bad.booster,
            features=bad.features,
            params={},
            metrics={},
            tags={tag: value for tag, value in champion.tags.items() if tag != BUNDLE_DIGEST},
            bundle_folder=folder / "bad",
            digest=digest,
            plots_folder=folder / "plots",
        )
        return registry.register(planted)


def reversed_version(good: Bundle, rows: pd.DataFrame) -> Bundle:
    """A version that scores high what another scores low, and shows as many of `rows`."""
    calibration = Calibration(-good.calibration.slope, -good.calibration.intercept)
    shown = float((good.score(rows) >= good.header.threshold).mean())
    threshold = float(np.quantile(replace(good, calibration=calibration).score(rows), 1 - shown))
    return replace(good, calibration=calibration, header=replace(good.header, threshold=threshold))


def measure(folder: Path) -> dict[str, Any]:
    """The whole loop, in a home under `folder`."""
    began = time.perf_counter()
    turning = Turning()
    world = settle(turning, folder)
    versions = {"old": world.champion.version}
    adapted = adapt(world, turning)
    versions["new"] = adapted["champion"]
    stood = world.day
    back = err(world, turning)
    return {
        "about": "A simulated shop: no figure says anything about real visitors.",
        "shop": asdict(turning),
        "loop": adapted,
        "next_week": next_week(world, versions, stood),
        "others": {"asked": ASKED, **others(world, versions, turning.turn)},
        "planted": back,
        "log": world.log,
        "seconds": time.perf_counter() - began,
    }


def _deliveries(turning: Turning, left: timedelta) -> Iterator[int]:
    days = left.days
    for delivered in cycle(turning.delivered):
        if delivered > days:
            return
        days -= delivered
        yield delivered


def main() -> None:
    """Measure, print and write."""
    with tempfile.TemporaryDirectory() as folder:
        figures = measure(Path(folder))
    REPORT.parent.mkdir(parents=True, exist_ok=True)
    REPORT.write_text(json.dumps(figures, indent=1))
    print(json.dumps({name: figure for name, figure in figures.items() if name != "log"}, indent=1))
    if missed := list(_missed(figures)):
        raise SystemExit(f"Missed: {'; '.join(missed)}.")


def _missed(figures: dict[str, Any]) -> Iterator[str]:
    reached = figures["others"]["expected_share_of_bayes_roc_auc"]["new"]["value"]
    if reached < ASKED:
        yield f"the new champion reaches {reached:.3f} of the Bayes optimum's ROC-AUC, and {ASKED} are asked"
    week = figures["next_week"]
    off = {name: abs(week[name]["expected_positives"] - week["positives"]) for name in ("old", "new")}
    if off["new"] >= off["old"]:
        yield f"the new champion expects {off['new']:.0f} conversions amiss, and the old one {off['old']:.0f}"
    planted = figures["planted"]
    if planted["rolled_back_on"] is None or planted["live_at"]["after"] != planted["good"]:
        yield "the planted champion was not sent back"


if __name__ == "__main__":
    main()
