"""Peaks of the year: times that come back every year, and are compared with themselves alone."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Self

_LEAP_YEAR = 2024
_STATED = re.compile(r"(\d\d)-(\d\d)\.\.(\d\d)-(\d\d)")


@dataclass(frozen=True)
class Peak:
    """The days between two of each year, given as (month, day), both included; it may last over New Year."""

    first: tuple[int, int]
    last: tuple[int, int]

    @classmethod
    def of(cls, text: str) -> Self:
        """The peak that a text such as `11-20..12-31` states.

        Raises:
            ValueError: it states none.
        """
        stated = _STATED.fullmatch(text)
        if stated is None:
            raise ValueError(f"{text!r} is no time of the year; MM-DD..MM-DD is needed, as 11-20..12-31")
        month, day, last_month, last_day = map(int, stated.groups())
        for named in ((month, day), (last_month, last_day)):
            try:
                date(_LEAP_YEAR, *named)
            except ValueError as unknown:
                raise ValueError(f"{text!r} names {named[0]:02}-{named[1]:02}, and no year has that day") from unknown
        return cls((month, day), (last_month, last_day))

    def __str__(self) -> str:
        (month, day), (last_month, last_day) = self.first, self.last
        return f"{month:02}-{day:02}..{last_month:02}-{last_day:02}"

    def holds(self, day: date) -> bool:
        """Whether a day lies in the peak."""
        in_year = (day.month, day.day)
        if self.first <= self.last:
            return self.first <= in_year <= self.last
        return in_year >= self.first or in_year <= self.last


def peaks_of(text: str) -> tuple[Peak, ...]:
    """The peaks that a text lists, with commas between; none where it is empty.

    Raises:
        ValueError: a part of it is no time of the year.
    """
    return tuple(Peak.of(part.strip()) for part in text.split(",")) if text.strip() else ()


def peak_on(day: date, peaks: Sequence[Peak]) -> Peak | None:
    """The first peak that a day lies in."""
    return next((peak for peak in peaks if peak.holds(day)), None)
