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
    return steps.leave_us[_is_last(steps, sessions)]


def marked(steps: Steps, decided: Flags) -> Steps:
    """The page loads, the last one of each session with a decision marked."""
    return replace(steps, at_exit=_is_last(steps, len(decided)) & decided[steps.session])


def going_on(rng: np.random.Generator, behaviour: Behaviour, latent: Latent, steps: Steps, stays: Flags) -> Steps:
    """The page loads, with those of visitors who stay after all behind theirs."""
    who = np.flatnonzero(stays)
    if not len(who):
        return steps
    left = Left(steps.page[_is_last(steps, len(stays))], lines_in_basket(steps, len(stays))).take(who)
    more = walk(rng, behaviour, latent.take(who), ends(steps, len(stays))[who] + PAUSE, left)
    both = Steps.concatenate([steps, replace(more, session=who[more.session])])
    return both.take(np.argsort(both.session, kind="stable"))


def _is_last(steps: Steps, sessions: int) -> Flags:
    is_last: Flags = np.diff(steps.session, append=sessions) != 0
    return is_last
