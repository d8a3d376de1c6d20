"""The pop-up: at which exits the shop decides about it, and which action its policy takes there."""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from simulator.actions import ACTIONS, OFFERS
from simulator.columns import Flags, Floats, Ints, draw
from simulator.site import Page
from simulator.walk import Steps


class Policy(NamedTuple):
    """A policy that the shop has followed, blind to its visitors: how often it takes each of ACTIONS."""

    name: str
    shares: tuple[float, ...]

    def act(self, rng: np.random.Generator, size: int) -> tuple[Ints, Floats]:
        """An action for each of `size` moments, and the probability with which it was chosen."""
        action = draw(rng, self.shares, size)
        return action, np.array(self.shares)[action] / sum(self.shares)


def _shares(**shares: float) -> tuple[float, ...]:
    return tuple(shares.get(action.name, 0.0) for action in ACTIONS)


_EACH_OFFER = {ACTIONS[code].name: 0.25 / len(OFFERS) for code in OFFERS}

POLICIES = (
    Policy("always_at_exit", _shares(pop_up=1.0)),
    Policy("never", _shares(nothing=1.0)),
    Policy("half_at_exit", _shares(nothing=0.5, pop_up=0.5)),
    Policy("randomised", _shares(nothing=0.4, pop_up=0.35, **_EACH_OFFER)),
)
"""The policies by which a shop may have been run, each with known propensities."""


@dataclass(frozen=True)
class PopUp:
    """At which exits the shop decides, and by which of POLICIES."""

    policy: str = "always_at_exit"
    fewest_pages: int = 4
    rest_days: int = 7

    @property
    def policy_code(self) -> int:
        """The place of the policy in POLICIES."""
        return [policy.name for policy in POLICIES].index(self.policy)


def is_moment(rule: PopUp, steps: Steps, on_desktop: Flags, rested: Flags) -> Flags:
    """True for the sessions at whose exit the shop decides; `steps` are all page loads up to it.

    A mouse that leaves the window can be seen on desktop only; the visitor has opened a few pages and an item, has
    not begun to check out, and has seen no pop-up in the last `rest_days` days.
    """
    pages = np.bincount(steps.session)
    items = np.bincount(steps.session, steps.page == Page.ITEM)
    checkouts = np.bincount(steps.session, steps.page == Page.CHECKOUT)
    eligible: Flags = on_desktop & rested & (pages >= rule.fewest_pages) & (items > 0) & (checkouts == 0)
    return eligible
