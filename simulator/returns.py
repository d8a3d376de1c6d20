"""Who comes back after a visit, and when."""

from dataclasses import dataclass

import numpy as np

from simulator.clock import DAYS_OF_WEEK, HOUR, MINUTE
from simulator.columns import Floats, Ints, sigmoid
from simulator.effects import Answer
from simulator.latent import Latent
from simulator.visitors import Arrivals, time_of_day

SESSION_TIMEOUT = 30 * MINUTE


@dataclass(frozen=True)
class Returns:
    """Coefficients of coming back on the logit scale, and of the time until then."""

    base: float = -2.2
    loyalty: float = 1.6
    intent: float = 0.05
    submitted: float = 0.8
    closed: float = -0.15
    closed_by_annoyance: float = -0.25
    on_the_same_day: float = 0.3
    hours_until: float = 2.5
    days_until: float = 3.5
    days_spread: float = 1.1
    keeps_channel: float = 0.6


def return_probability(returns: Returns, loyalty: Floats, latent: Latent, answer: Ints) -> Floats:
    """P(the visit is not the visitor's last), after it ended with `answer` to the pop-up."""
    closed = returns.closed + returns.closed_by_annoyance * latent.annoyance
    return sigmoid(
        returns.base
        + returns.loyalty * loyalty
        + returns.intent * latent.intent
        + returns.submitted * (answer == Answer.SUBMITTED)
        + closed * (answer == Answer.CLOSED)
    )


def next_start(rng: np.random.Generator, returns: Returns, arrivals: Arrivals, midnights: Ints, end_us: Ints) -> Ints:
    """When the visit after one that ended at `end_us` begins; midnights[-1] or later if none of these days holds it."""
    size = len(end_us)
    soon = end_us + SESSION_TIMEOUT + (returns.hours_until * HOUR * rng.standard_exponential(size)).astype(np.int64)
    gap = np.ceil(returns.days_until * np.exp(returns.days_spread * rng.standard_normal(size))).astype(np.int64)
    day = np.searchsorted(midnights, end_us, side="right") - 1 + gap
    # A visit due on a quiet weekday is put off by a day with the probability by which that weekday is quieter.
    quietness = 1 - np.array(arrivals.weekday) / max(arrivals.weekday)
    day += rng.random(size) < quietness[day % DAYS_OF_WEEK]
    later = midnights[np.minimum(day, len(midnights) - 1)] + time_of_day(rng, arrivals, size)
    return np.where(rng.random(size) < returns.on_the_same_day, soon, np.maximum(later, end_us + SESSION_TIMEOUT))
