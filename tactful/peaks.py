"""Seasons that come back every year, in which visitors behave otherwise than in the rest of it."""

import re
from dataclasses import dataclass
from datetime import date
from typing import Self

MonthDay = tuple[int, int]

_WRITTEN = re.compile(r"(\d\d)-(\d\d)/(\d\d)-(\d\d)")


@dataclass(frozen=True)
class Peak:
    """Days of any year from `first` to `last`, both a month and a day, both included; it may go on over New Year."""

    first: MonthDay
    last: MonthDay

    @classmethod
    def from_text(cls, text: str) -> Self:
        """A peak as it is written: 11-20/12-26.

        Raises:
            ValueError: the text names no two days of a year.
        """
        found = _WRITTEN.fullmatch(text.strip())
        if not found or not (_is_day(*found.group(1, 2)) and _is_day(*found.group(3, 4))):
            raise ValueError(f"{text.strip()!r} is no season: month-day/month-day is needed, as 11-20/12-26")
        first_month, first_day, last_month, last_day = map(int, found.groups())
        return cls((first_month, first_day), (last_month, last_day))

    def __contains__(self, day: date) -> bool:
        moment = (day.month, day.day)
        if self.first <= self.last:
            return self.first <= moment <= self.last
        return moment >= self.first or moment <= self.last

    def __str__(self) -> str:
        return "/".join(f"{month:02}-{day:02}" for month, day in (self.first, self.last))


def peaks_of(text: str) -> tuple[Peak, ...]:
    """The peaks of a list with commas between them; none where it is empty.

    Raises:
        ValueError: one of them names no two days of a year.
    """
    return tuple(Peak.from_text(peak) for peak in text.split(",")) if text.strip() else ()


def _is_day(month: str, day: str) -> bool:
    try:
        date.fromisoformat(f"2024-{month}-{day}")  # a leap year, which has every day
    except ValueError:
        return False
    return True
