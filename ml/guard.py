"""The guard: a champion that is surely worse than the one before it goes back by itself, and what it cost is told."""

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd

from ml import gate, trial
from ml.bundle import Bundle, BundleError
from ml.comparison import Comparison, compare
from ml.datasets import EVENT_TIMESTAMP
from ml.evaluation import target_of
from ml.ledger import Kind, Move
from ml.promotion import DATA_UNTIL, Order, Seat
from ml.registry import Registry, RegistryError
from ml.specs import ModelSpec

GUARD = "guard"
_WATCHED = (Kind.PROMOTE, Kind.FOUND)


@dataclass(frozen=True)
class Watch:
    """What the guard saw of a champion since it took over from its `predecessor`.

    `conversions_lost` are those that the predecessor would have kept at its threshold, less those that the champion
    kept at its own.
    """

    version: str
    predecessor: str
    comparison: Comparison | None
    conversions_lost: int
    is_rolled_back: bool
    reason: str

    def as_metadata(self) -> dict[str, Any]:
        """The figures by name, those of the comparison among them."""
        compared = self.comparison.as_metadata() if self.comparison else {}
        # who is champion is the challenger of a comparison with its predecessor
        told = {
            name.replace("champion_", "predecessor_").replace("challenger_", "champion_"): figure
            for name, figure in compared.items()
        }
        return {"conversions_lost": self.conversions_lost, **told}


def watch(spec: ModelSpec, registry: Registry, frame: pd.DataFrame, budget: float) -> Watch | None:
    """Compare the champion with its predecessor on the rows since it took over, and go back to that one if it is worse.

    None where nobody was promoted in the place of another who learnt from the same contract.
    """
    seat = Seat(registry, spec.name)
    seat.settle()
    moves, champion = registry.ledger.moves(spec.name), registry.champion(spec.name)
    before = registry.ledger.predecessor(spec.name)
    if champion is None or before is None or moves[-1].kind not in _WATCHED:
        return None
    predecessor = registry.version(spec.name, before)
    if any(predecessor.tags.get(tag) != champion.tags.get(tag) for tag in ("contract", "conversion_event")):
        return None
    try:
        threshold = registry.threshold(spec.name)
        old, new = (trial.load(registry, version).showing_from(threshold) for version in (predecessor, champion))
    except (BundleError, RegistryError) as damaged:
        return Watch(champion.version, before, None, 0, False, f"Can't be compared: {damaged}")
    rows = _since(moves[-1], settled(spec, frame))
    comparison = compare(old, new, spec, rows, budget)
    outcome = gate.judge_guard(comparison)
    lost = _lost(old, new, spec, rows)
    reason = f"{outcome.reason} Conversions lost until now: {lost}." if comparison else outcome.reason
    found = Watch(champion.version, before, comparison, lost, not outcome.is_passed, reason)
    if not found.is_rolled_back:
        return found
    try:
        seat.roll_back(Order(GUARD, reason, found.as_metadata()), champion.version)
    except (BundleError, RegistryError) as refusal:
        return replace(found, is_rolled_back=False, reason=f"{reason} It could not go back: {refusal}")
    return found


def settled(spec: ModelSpec, frame: pd.DataFrame) -> pd.DataFrame:
    """The rows whose label can't change any more: their horizon is over by the time of the newest row."""
    moments = frame[EVENT_TIMESTAMP]
    over: pd.DataFrame = frame[moments + spec.horizon <= moments.max()]
    return over


def _since(move: Move, frame: pd.DataFrame) -> pd.DataFrame:
    """The rows after all data that the move had seen; all where it does not say, less what was learnt from later on."""
    seen = move.evidence.get(DATA_UNTIL)
    rows: pd.DataFrame = frame if seen is None else frame[frame[EVENT_TIMESTAMP] > pd.Timestamp(seen)]
    return rows


def _lost(old: Bundle, new: Bundle, spec: ModelSpec, rows: pd.DataFrame) -> int:
    if rows.empty:
        return 0
    target = target_of(rows, spec.label)
    kept = [int(np.sum(target & (read.score(rows) >= read.header.threshold))) for read in (old, new)]
    return kept[0] - kept[1]
