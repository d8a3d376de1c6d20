"""The pop-up: which sessions see it at exit, and the probability that a visitor submits it."""

from dataclasses import dataclass

import numpy as np

from simulator.columns import Flags, Floats, sigmoid
from simulator.site import Page
from simulator.walk import Latent, Steps

POLICY = "always_at_exit"
PROPENSITY = 1.0


class Answer:
    """The codes of what came of the pop-up in a session."""

    NOT_SHOWN = 0
    CLOSED = 1
    SUBMITTED = 2


@dataclass(frozen=True)
class PopUp:
    """The rule of showing, and the coefficients of the response on the logit scale."""

    fewest_pages: int = 5
    rest_days: int = 7
    base: float = -7.5
    intent: float = 1.2
    price_sensitivity: float = 1.1
    patience: float = 0.4
    annoyance: float = -0.8


def is_eligible(rule: PopUp, steps: Steps, on_desktop: Flags, rested: Flags) -> Flags:
    """True for the sessions at whose end `always_at_exit` shows the pop-up; `steps` are all page loads of theirs.

    A mouse that leaves the window can be seen on desktop only; the visitor has opened a few pages and an item, has
    not begun to check out, and has seen no pop-up in the last `rest_days` days.
    """
    pages = np.bincount(steps.session)
    items = np.bincount(steps.session, steps.page == Page.ITEM)
    checkouts = np.bincount(steps.session, steps.page == Page.CHECKOUT)
    eligible: Flags = on_desktop & rested & (pages >= rule.fewest_pages) & (items > 0) & (checkouts == 0)
    return eligible


def submit_probability(response: PopUp, latent: Latent) -> Floats:
    """P(submit | shown), a logistic function of the latent state alone."""
    return sigmoid(
        response.base
        + response.intent * latent.intent
        + response.price_sensitivity * latent.price_sensitivity
        + response.patience * latent.patience
        + response.annoyance * latent.annoyance
    )
