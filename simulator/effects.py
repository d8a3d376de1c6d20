"""What an action does to a visitor: the truth, written down once.

At a decision moment a visitor converts, leaves and stays away for good with probabilities that are logistic in the
latent state. One number of the visit's dice decides under every action, so that what would have happened under another
one is fixed too: a visitor is persuaded, would convert anyway, or is lost to annoyance.
"""

from dataclasses import dataclass, field

import numpy as np

from simulator.actions import ACTIONS, NOTHING
from simulator.columns import Dice, Flags, Floats, Ints, chance, sigmoid
from simulator.latent import Latent


class Answer:
    """The codes of what came of the pop-up in a session."""

    NOT_SHOWN = 0
    CLOSED = 1
    SUBMITTED = 2


@dataclass(frozen=True)
class Logit:
    """A linear function of the latent state."""

    base: float
    intent: float = 0.0
    price_sensitivity: float = 0.0
    patience: float = 0.0
    annoyance: float = 0.0

    def of(self, latent: Latent) -> Floats:
        return (
            self.base
            + self.intent * latent.intent
            + self.price_sensitivity * latent.price_sensitivity
            + self.patience * latent.patience
            + self.annoyance * latent.annoyance
        )


_APPEAL = np.array([action.appeal for action in ACTIONS])
_TO_THE_THRIFTY = np.array([action.to_the_thrifty for action in ACTIONS])
_INTERRUPTS = np.arange(len(ACTIONS)) != NOTHING


@dataclass(frozen=True)
class Effects:
    """The coefficients of converting and leaving, left alone or asked; an offer adds to those of being asked."""

    converts_alone: Logit = field(default_factory=lambda: Logit(-13.15, 1.2, -0.3, 0.2, 0.1))
    converts_asked: Logit = field(default_factory=lambda: Logit(-9.12, 0.8, 0.6, 0.2, -0.4))
    leaves_alone: Logit = field(default_factory=lambda: Logit(3.1, -0.3, 0.0, -0.2, 0.1))
    leaves_asked: Logit = field(default_factory=lambda: Logit(3.0, -0.3, 0.0, -0.2, 0.5))

    def converts(self, latent: Latent, response: Floats) -> Floats:
        """P(convert | action), a column for each of ACTIONS; `response` is what a drift adds to the logit."""
        asked = self.converts_asked.of(latent)[:, None] + _APPEAL
        asked = asked + _TO_THE_THRIFTY * latent.price_sensitivity[:, None]
        return sigmoid(np.where(_INTERRUPTS, asked, self.converts_alone.of(latent)[:, None]) + response[:, None])

    def leaves(self, latent: Latent) -> Floats:
        """P(leave the shop now | action), a column for each of ACTIONS."""
        asked = self.leaves_asked.of(latent)[:, None] - _APPEAL
        return sigmoid(np.where(_INTERRUPTS, asked, self.leaves_alone.of(latent)[:, None]))


def converts(dice: Dice, probability: Floats) -> Flags:
    """Whether visits convert, by their dice; the same under every action whose probability is higher."""
    return chance(dice, 60) < probability


def leaves(dice: Dice, probability: Floats) -> Flags:
    """Whether visits end at the moment of decision, by their dice."""
    return chance(dice, 61) < probability


def answer(action: Ints, has_converted: Flags) -> Ints:
    """What came of the pop-up, if the action is one."""
    return np.where(action == NOTHING, Answer.NOT_SHOWN, np.where(has_converted, Answer.SUBMITTED, Answer.CLOSED))
