"""The stages of a buyer's journey: where a visitor stands, and how a visit and the time after it move them."""

from dataclasses import dataclass

import numpy as np

from simulator.clock import DAY
from simulator.columns import Flags, Ints, draw

STAGES = ("dreamer", "browser", "comparer", "ready", "owner")
"""The stages in the order in which a buyer passes through them; a code is a place in here."""

DREAMER, BROWSER, COMPARER, READY, OWNER = range(len(STAGES))


@dataclass(frozen=True)
class Stages:
    """How far visitors are when they first come, and how they get on.

    `survey` is the share of visits that are asked, `candour` that of answers which are the stage; the others name a
    stage beside it.
    """

    first: tuple[float, ...] = (30.0, 45.0, 17.0, 8.0, 0.0)
    gets_on: float = 0.4
    falls_back: float = 0.35
    forgets_after_days: float = 10.0
    wants_again: float = 0.3
    survey: float = 0.02
    candour: float = 0.8

    def at_first(self, rng: np.random.Generator, size: int) -> Ints:
        """The stages in which visitors come for the first time."""
        return draw(rng, self.first, size)

    def after(self, rng: np.random.Generator, stage: Ints, looked: Flags, filled: Flags, ordered: Flags) -> Ints:
        """The stages that a visit leaves its visitors in: one that looked at an item, filled a basket or ordered."""
        gets_on = looked & (stage < COMPARER) & (rng.random(len(stage)) < self.gets_on)
        wants = np.where(filled & (stage < READY), READY, stage + gets_on)
        return np.where(ordered, OWNER, wants)

    def after_days(self, rng: np.random.Generator, stage: Ints, away_us: Ints) -> Ints:
        """The stages once time has passed: what is not pursued is forgotten, and an owner may want something again."""
        forgets = (away_us > self.forgets_after_days * DAY) & (rng.random(len(stage)) < self.falls_back)
        wants_again = (stage == OWNER) & (rng.random(len(stage)) < self.wants_again)
        later = np.where(forgets & (stage < OWNER), np.maximum(stage - 1, DREAMER), stage)
        return np.where(wants_again, BROWSER, later)
