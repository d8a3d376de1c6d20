"""How the world changes with time: drifts that stay, and seasons that come back every year.

Instants are told by the shop's wall clock, in microseconds.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

import numpy as np

from simulator.clock import DAY, EPOCH
from simulator.columns import Floats, Ints
from simulator.latent import Latent


@dataclass(frozen=True)
class Shift:
    """What a change adds, at its height, to each visit's latent state and to the logit of converting.

    `crowd` is by how much, as a share of the usual, more visitors come.
    """

    intent: float = 0.0
    price_sensitivity: float = 0.0
    patience: float = 0.0
    annoyance: float = 0.0
    response: float = 0.0
    crowd: float = 0.0


@dataclass(frozen=True)
class Drift:
    """A change that begins on a day, is complete after `ramp_days`, and stays."""

    name: str
    begins: date
    shift: Shift
    ramp_days: float = 0.0

    def level(self, at_us: Ints) -> Floats:
        """How much of the change has happened at instants, from 0 to 1."""
        days = at_us / DAY - (self.begins.toordinal() - EPOCH)
        return np.where(days < 0, 0.0, np.minimum(days / self.ramp_days, 1.0) if self.ramp_days else 1.0)


@dataclass(frozen=True)
class Season:
    """A change between two days of each year, given as (month, day), both included; no drift, for it comes back."""

    name: str
    first: tuple[int, int]
    last: tuple[int, int]
    shift: Shift

    def level(self, at_us: Ints) -> Floats:
        """1 at instants in the season, else 0."""
        days = at_us.astype("datetime64[us]").astype("datetime64[D]")
        months = days.astype("datetime64[M]")
        month = months.astype(np.int64) % 12 + 1
        in_year = month * 100 + (days - months.astype("datetime64[D]")).astype(np.int64) + 1
        first, last = (month * 100 + day for month, day in (self.first, self.last))
        is_in = (in_year >= first) & (in_year <= last) if first <= last else (in_year >= first) | (in_year <= last)
        level: Floats = is_in.astype(np.float64)
        return level


Change = Drift | Season


def shifted(changes: Sequence[Change], latent: Latent, at_us: Ints) -> Latent:
    """The latent state of visits that begin at instants, with what has changed by then."""
    return Latent(
        latent.intent + _total(changes, "intent", at_us),
        latent.price_sensitivity + _total(changes, "price_sensitivity", at_us),
        latent.patience + _total(changes, "patience", at_us),
        latent.annoyance + _total(changes, "annoyance", at_us),
    )


def response(changes: Sequence[Change], at_us: Ints) -> Floats:
    """What has changed, by instants, in the logit of converting."""
    return _total(changes, "response", at_us)


def crowd(changes: Sequence[Change], at_us: Ints) -> Floats:
    """How many times as many visitors as usual come at instants."""
    return 1 + _total(changes, "crowd", at_us)


def _total(changes: Sequence[Change], name: str, at_us: Ints) -> Floats:
    total = np.zeros(len(at_us))
    for change in changes:
        total += change.level(at_us) * getattr(change.shift, name)
    return total
