"""Who comes to the shop for the first time in a week, and what they are like inside."""

from dataclasses import dataclass

import numpy as np

from simulator.clock import DAYS_OF_WEEK, HOUR
from simulator.columns import Columns, Flags, Floats, Ints, draw
from simulator.devices import DEVICES
from simulator.places import PLACES
from simulator.segments import SEGMENTS, Segment, means_of, shares_of, spread_within
from simulator.traffic import CHANNELS


@dataclass(frozen=True)
class Arrivals:
    """When visitors come, and how much they differ in what cannot be seen; `segments` are the kinds of SEGMENTS."""

    first_visits_per_session: float = 0.727
    weekday: tuple[float, ...] = (14.2, 17.7, 17.7, 16.3, 15.2, 10.0, 8.9)
    hour: tuple[float, ...] = (
        2.2, 1.5, 1.1, 0.9, 0.9, 1.2, 1.9, 2.9, 4.0, 4.8, 5.2, 5.4,
        5.5, 5.3, 5.2, 5.2, 5.3, 5.5, 5.9, 6.5, 7.0, 6.8, 5.4, 3.6,
    )  # fmt: skip
    segments: tuple[Segment, ...] = SEGMENTS
    affinity_spread: float = 0.75
    loyalty_in_affinity: float = 0.5
    annoyance_in_patience: float = -0.3
    ads_consent: float = 0.8

    def busyness(self, weekday: int) -> float:
        """How many times as many visits a weekday, 0 being Monday, has as the mean one."""
        return self.weekday[weekday] * DAYS_OF_WEEK / sum(self.weekday)


@dataclass(frozen=True)
class Visitors(Columns):
    """Visitors at their first visit; the segment and the columns after it are hidden from the export."""

    client: Ints
    first_start_us: Ints
    device: Ints
    place: Ints
    channel: Ints
    has_ads_consent: Flags
    segment: Ints
    affinity: Floats
    loyalty: Floats
    price_sensitivity: Floats
    patience: Floats
    annoyance: Floats


def newcomers(rng: np.random.Generator, arrivals: Arrivals, sessions_per_day: Floats, midnights: Ints) -> Visitors:
    """The visitors whose first visit falls in the week of which `midnights` are the days' beginnings.

    `sessions_per_day` has a value for each of the seven days, before the weekday counts.
    """
    busyness = np.array([arrivals.busyness(weekday) for weekday in range(DAYS_OF_WEEK)])
    per_day = rng.poisson(sessions_per_day * arrivals.first_visits_per_session * busyness)
    start_us = np.repeat(midnights[:DAYS_OF_WEEK], per_day) + time_of_day(rng, arrivals, per_day.sum())
    return people(rng, arrivals, start_us)


def time_of_day(rng: np.random.Generator, arrivals: Arrivals, size: int) -> Ints:
    """Microseconds since midnight, more of them in busy hours."""
    hours = draw(rng, arrivals.hour, size) + rng.random(size)
    return (hours * HOUR).astype(np.int64)


def people(rng: np.random.Generator, arrivals: Arrivals, start_us: Ints) -> Visitors:
    """Visitors whose first visits begin at `start_us`."""
    size = len(start_us)
    device = draw(rng, [device.share for device in DEVICES], size)
    place = draw(rng, [place.share for place in PLACES], size)
    segment = draw(rng, shares_of(arrivals.segments), size)
    loyalty, *own = rng.standard_normal((5, size))
    means, within = means_of(arrivals.segments), spread_within(arrivals.segments)
    own_affinity, price, patience, annoyance = means[segment].T + within[:, None] * np.stack(own)
    shared, stirred = arrivals.loyalty_in_affinity, arrivals.annoyance_in_patience
    affinity = arrivals.affinity_spread * (shared * loyalty + np.sqrt(1 - shared**2) * own_affinity)
    return Visitors(
        client=rng.integers(10**8, 2**31, size),
        first_start_us=start_us,
        device=device,
        place=place,
        channel=draw(rng, [channel.new for channel in CHANNELS], size),
        has_ads_consent=rng.random(size) < arrivals.ads_consent,
        segment=segment,
        affinity=affinity
        + np.array([place.country.intent for place in PLACES])[place]
        + np.array([device.intent for device in DEVICES])[device],
        loyalty=loyalty,
        price_sensitivity=price + np.array([place.country.price_sensitivity for place in PLACES])[place],
        patience=patience,
        annoyance=stirred * patience
        + np.sqrt(1 - stirred**2) * annoyance
        + np.array([device.annoyance for device in DEVICES])[device],
    )
