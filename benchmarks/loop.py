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
from dataclasses import asdict, replace
from datetime import UTC, date, datetime, timedelta
from itertools import cycle
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from rich.console import Console

from benchmarks.world import SPEC, World
from ml import bundle, trial
from ml.best import shares_of_best
from ml.bundle import Bundle, Calibration
from ml.datasets import EVENT_TIMESTAMP
from ml.evaluation import Outcomes, expected_roc_auc, target_of
from ml.reference import WEEK
from ml.registry import BUNDLE_DIGEST
from ml.versions import NewVersion
from simulator.changes import Drift
from simulator.effects import Effects
from simulator.scenarios import drift_abrupt
from simulator.shop import Shop
from tactful import optimum
from tactful.models import Wish, promote, show_live_at
from tactful.run import run

REPORT = Path(".tactful") / "bench" / "loop.json"
ASKED = 0.97

BEFORE, AFTER, SESSIONS = 42, 32, 5_000
"""Days before the turn and from it on, and sessions a day."""

WILLING = 2.0
"""Added to the logit of an answer to the pop-up, so that a week holds answers enough to tell versions apart."""

DELIVERED = (4, 3)
"""Days between deliveries, in turn; the daily job builds five days."""


def turning_shop() -> tuple[Shop, date]:
    """The shop, and the first day on which its visitors are others."""
    effects = Effects()
    willing = replace(effects.converts_asked, base=effects.converts_asked.base + WILLING)
    shop = Shop(days=BEFORE + AFTER, sessions_per_day=SESSIONS, effects=replace(effects, converts_asked=willing))
    turn = shop.calendar[BEFORE]
    (drift,) = (change for change in drift_abrupt(shop).changes if isinstance(change, Drift))
    return replace(shop, changes=(replace(drift, begins=turn),)), turn


def adapt(world: World, turn: date) -> dict[str, Any]:
    """Deliver days until a champion stands that learnt from some after the `turn`, with a week left.

    Raises:
        RuntimeError: none does until then.
    """
    last = world.shop.calendar[-1] - timedelta(days=WEEK)
    for days in _deliveries(last - world.day):
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


def roll_back(world: World) -> dict[str, Any]:
    """Promote a bad version by hand, and let a week go on."""
    good = world.champion
    before = datetime.now(UTC)
    bad = plant(world)
    promote(world.settings, Wish(SPEC.name, "planted by the drill", "drill"), bad, good.version, Console())
    during, lost, rolled_back = datetime.now(UTC), None, None
    for days in DELIVERED:
        world.deliver(days)
        guard = world.daily().said["champion_guard"][SPEC.name]
        if guard["status"] == "rolled_back":
            rolled_back, lost = f"{world.day}", guard["conversions_lost"]
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


def shares(world: World, versions: dict[str, str], since: date) -> dict[str, Any]:
    """Figures of versions on the moments after a day, as shares of those of the true probabilities."""
    moments = world.moments
    later = moments[moments[EVENT_TIMESTAMP] >= pd.Timestamp(since, tz="UTC") + pd.Timedelta(days=1)]
    rows = later.merge(optimum.known_moments(world.shop), on=["user_pseudo_id", EVENT_TIMESTAMP], validate="one_to_one")
    target, users = target_of(rows, SPEC.label), pd.factorize(rows["user_pseudo_id"])[0]
    truth = rows[optimum.TRUTH].to_numpy()
    found: dict[str, Any] = {"moments": len(rows), "positives": int(target.sum()), "asked": ASKED}
    for name, version in versions.items():
        read: Bundle = trial.load(world.registry, world.registry.version(SPEC.name, version))
        score = read.score(rows)
        best = shares_of_best(Outcomes(target, score, users), truth, read.header.threshold, SPEC.seed)
        found[name] = {
            "version": version,
            "learnt_until": read.header.trained_to,
            "expected_share_of_bayes_roc_auc": expected_roc_auc(truth, score) / expected_roc_auc(truth, truth),
            "shares_of_bayes": {figure: asdict(share) for figure, share in best.items()},
            "expected_positives": float(score.sum()),
        }
    return found


def measure(folder: Path) -> dict[str, Any]:
    """The whole loop, in a home under `folder`."""
    began = time.perf_counter()
    shop, turn = turning_shop()
    world = World.of(shop, folder)
    world.deliver(BEFORE)
    run(world.settings, Console())
    old = world.champion.version
    adapted = adapt(world, turn)
    stood = world.day
    back = roll_back(world)
    return {
        "about": "A simulated shop: no figure says anything about real visitors.",
        "days": shop.days,
        "sessions_per_day": shop.sessions_per_day,
        "loop": adapted,
        "next_week": shares(world, {"old": old, "new": adapted["champion"]}, stood),
        "planted": back,
        "log": world.log,
        "seconds": time.perf_counter() - began,
    }


def _deliveries(left: timedelta) -> Iterator[int]:
    days = left.days
    for delivered in cycle(DELIVERED):
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
    reached = figures["next_week"]["new"]["expected_share_of_bayes_roc_auc"]
    if reached < ASKED:
        yield f"the new champion reaches {reached:.3f} of the Bayes optimum's ROC-AUC, and {ASKED} are asked"
    if figures["planted"]["rolled_back_on"] is None:
        yield "the planted champion was not sent back"


if __name__ == "__main__":
    main()
