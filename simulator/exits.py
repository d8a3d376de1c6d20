"""Exits: where sessions end, or go on because the visitor stays after all."""

from dataclasses import replace

import numpy as np

from simulator.clock import SECOND
from simulator.columns import Flags, Ints
from simulator.latent import Latent
from simulator.walk import Behaviour, Left, Steps, lines_in_basket, walk

PAUSE = 10 * SECOND
"""How long a visitor who stays after all looks at the page again."""


def ends(steps: Steps, sessions: int) -> Ints:
    """When each session's last page is left."""
    return steps.leave_us[np.flatnonzero(np.diff(steps.session, append=sessions))]


def marked(steps: Steps, decided: Flags) -> Steps:
    """The page loads, the last one of each session with a decision marked."""
    last = np.diff(steps.session, append=len(decided)) != 0
    return replace(steps, at_exit=last & decided[steps.session])


def going_on(rng: np.random.Generator, behaviour: Behaviour, latent: Latent, steps: Steps, stays: Flags) -> Steps:
    """The page loads, with those of visitors who stay after all behind theirs."""
    who = np.flatnonzero(stays)
    if not len(who):
        return steps
    last = np.flatnonzero(np.diff(steps.session, append=len(stays)))
    left = Left(steps.page[last], lines_in_basket(steps, len(stays))).take(who)
    more = walk(rng, behaviour, latent.take(who), steps.leave_us[last[who]] + PAUSE, left)
    both = Steps.concatenate([steps, replace(more, session=who[more.session])])
    return both.take(np.argsort(both.session, kind="stable"))
