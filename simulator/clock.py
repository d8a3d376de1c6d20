"""The shop's calendar: its weeks, and its days' beginnings in UTC."""

from datetime import date, datetime
from zoneinfo import ZoneInfo

import numpy as np

from simulator.columns import Ints

SECOND = 1_000_000
MINUTE = 60 * SECOND
HOUR = 60 * MINUTE
DAY = 24 * HOUR
DAYS_OF_WEEK = 7
EPOCH = date(1970, 1, 1).toordinal()


def week_of(day: date) -> int:
    """The number of the week, from Monday to Sunday, that holds the day."""
    return (day.toordinal() - 1) // DAYS_OF_WEEK


def midnights(time_zone: str, first_ordinal: int, days: int) -> Ints:
    """The instants, in microseconds UTC, at which `days` days from a proleptic ordinal on begin in a time zone."""
    zone = ZoneInfo(time_zone)
    days_begin = (date.fromordinal(ordinal) for ordinal in range(first_ordinal, first_ordinal + days))
    return np.array([int(datetime(d.year, d.month, d.day, tzinfo=zone).timestamp()) * SECOND for d in days_begin])


def wall_clock(time_zone: str, at_us: Ints) -> Ints:
    """Instants as a time zone's calendar tells them: microseconds since its own 1970 began."""
    if not len(at_us):
        return at_us
    first, last = (int(instant // DAY) + EPOCH for instant in (at_us.min(), at_us.max()))
    begins = midnights(time_zone, first - 1, last - first + 3)
    day = np.searchsorted(begins, at_us, side="right") - 1
    return (first - 1 - EPOCH + day) * DAY + at_us - begins[day]
