"""The shop's visits by day, whatever day they are asked for in."""

from concurrent.futures import Executor, Future
from datetime import date
from enum import IntEnum

import numpy as np

from simulator.clock import DAYS_OF_WEEK, midnights, week_of
from simulator.columns import Ints
from simulator.returns import SESSION_TIMEOUT
from simulator.shop import Shop
from simulator.visits import Sessions, Visits, cohort

WEEKS_OF_RETURN = 8
"""A visitor is known for this many weeks, counted from the Monday before the first visit."""


class Stream(IntEnum):
    """What a generator's numbers are for; each has its own sequence a day or a week."""

    COHORT = 1
    COOKIELESS = 2
    DUPLICATES = 3
    BOTS = 4
    MALFORMED = 5
    LATE = 6


def generator(shop: Shop, stream: Stream, period: int) -> np.random.Generator:
    """The random numbers of a stream in a period, the same whenever they are asked for."""
    return np.random.default_rng([shop.seed, stream, period])


class Population:
    """The visits of a shop, cohort by cohort; cohorts still needed for the next day are kept in memory.

    A pool draws cohorts side by side, and the next one before it is needed.
    """

    def __init__(self, shop: Shop, pool: Executor | None = None) -> None:
        self.shop = shop
        self._pool = pool
        self._cohorts: dict[int, Future[Visits]] = {}

    def visits_on(self, day: date) -> Visits:
        """The visits of which a part falls on the day, in the order of their beginnings."""
        begins, ends = midnights(self.shop.time_zone, day.toordinal(), 2)
        # A visit that began on the last day of a cohort may end on the day after, and be answered later still.
        weeks = range(week_of(day) - WEEKS_OF_RETURN, week_of(day) + 1)
        has_next = self._pool is not None and week_of(day) < week_of(self.shop.calendar[-1])
        drawn = range(weeks.start, weeks.stop + has_next)
        self._cohorts = {week: self._cohorts.get(week) or self._drawn(week) for week in drawn}
        parts = []
        for visits in (self._cohorts[week].result() for week in weeks):
            today = (visits.sessions.start_us < ends) & (visits.sessions.end_us + SESSION_TIMEOUT >= begins)
            parts.append(visits.take(np.flatnonzero(today)))
        visits = Visits.join(parts)
        return visits.take(np.argsort(visits.sessions.start_us, kind="stable"))

    def exits_on(self, day: date) -> tuple[Sessions, Visits, Ints]:
        """The decision moments of a day in the order of their time: their sessions, the visits, and the pages left."""
        begins, ends = midnights(self.shop.time_zone, day.toordinal(), 2)
        visits = self.visits_on(day)
        left_us = visits.steps.leave_us
        exits = np.flatnonzero(visits.steps.at_exit & (begins <= left_us) & (left_us < ends))
        exits = exits[np.argsort(left_us[exits], kind="stable")]
        return visits.sessions.take(visits.steps.session[exits]), visits, exits

    def _drawn(self, week: int) -> Future[Visits]:
        if self._pool is not None:
            return self._pool.submit(_cohort, self.shop, week)
        drawn = Future[Visits]()
        drawn.set_result(_cohort(self.shop, week))
        return drawn


def _cohort(shop: Shop, week: int) -> Visits:
    """The visits of those who came first in a week."""
    monday = week * DAYS_OF_WEEK + 1
    instants = midnights(shop.time_zone, monday, WEEKS_OF_RETURN * DAYS_OF_WEEK + 1)
    return cohort(generator(shop, Stream.COHORT, week), shop, instants)
