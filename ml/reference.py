"""Which days a window is compared with: the same weekdays of the same season."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, timedelta

import numpy as np
import pandas as pd

from ml.null_psi import Units
from tactful.seasons import Peak, peak_on

WEEK = 7

LEAST_WEEKS = 4
"""Earlier days for each day of a window, without which nothing is compared."""


@dataclass(frozen=True)
class ComparedDays:
    """The days of a window, and for each of them the same number of earlier days of its weekday; the newest first.

    `peak` is the season that they all lie in; None outside every peak.
    """

    window: tuple[date, ...]
    reference: tuple[date, ...]
    peak: Peak | None = None

    @property
    def weeks(self) -> int:
        """How many days of the reference stand against each of the window."""
        return len(self.reference) // len(self.window)

    @property
    def exchanges(self) -> int:
        """How many ways there are to take each day of the window from itself and its reference."""
        return int((self.weeks + 1) ** len(self.window))

    @property
    def span(self) -> str:
        """The window, from its first day to its last."""
        return f"{self.window[-1]} to {self.window[0]}"

    def holds(self, days: pd.Series) -> pd.Series:
        """Whether each of a column of dates takes part."""
        return days.isin([*self.window, *self.reference])

    def units(self, days: pd.Series, users: pd.Series) -> Units:
        """The unit of each row, by its day and its user.

        All that a user does in one week belongs to the weekday on which the user came first in it, so that units hold
        whole users and whole days.
        """
        newest = self.window[0].toordinal()
        ago = newest - days.map(date.toordinal).to_numpy(dtype=np.int64)
        first_ago = pd.Series(ago).groupby([users.to_numpy(), ago // WEEK], sort=False).transform("max").to_numpy()
        places = {newest - day.toordinal(): place for day, place in self._places().items()}
        cell = np.asarray(pd.Series(first_ago).map(places), dtype=np.intp)
        return Units(cell, strata=len(self.window), size=self.weeks + 1)

    def _places(self) -> dict[date, int]:
        """The position of each day's unit, stratum by stratum: a weekday's day of the window, then those before it."""
        size = self.weeks + 1
        places = {}
        for stratum, day in enumerate(self.window):
            same = [other for other in self.reference if (day - other).days % WEEK == 0]
            places.update({other: stratum * size + rank for rank, other in enumerate((day, *same))})
        return places


def compared_days(
    days: Iterable[date], newest: date, peaks: Sequence[Peak] = (), learnt: tuple[date, date] | None = None
) -> ComparedDays:
    """The week that ends with `newest`, and the days of `days` to compare it with.

    A week that a season begins or ends in is cut to the days of its newest day's. `learnt` are the first and the last
    day that the champion learnt from; the reference lies between, and goes on after the last where there are fewer than
    LEAST_WEEKS of a weekday. Of a window in a peak only the same peak will do.
    """
    peak = peak_on(newest, peaks)
    in_season = sorted((day for day in days if day <= newest and peak_on(day, peaks) == peak), reverse=True)
    begins = newest - timedelta(days=WEEK - 1)
    window = tuple(day for day in in_season if day >= begins) or (newest,)
    before = [day for day in in_season if day < window[-1]]
    usual = learnt if peak is None else None
    same = [_usual([other for other in before if (day - other).days % WEEK == 0], usual) for day in window]
    weeks = min(map(len, same))
    reference = sorted((day for others in same for day in others[:weeks]), reverse=True)
    return ComparedDays(window, tuple(reference), peak)


def _usual(days: Sequence[date], learnt: tuple[date, date] | None) -> Sequence[date]:
    """Those of a weekday's days, the newest first, that a window is compared with."""
    if learnt is None:
        return days
    since = [day for day in days if day >= learnt[0]]
    within = [day for day in since if day <= learnt[1]]
    return within if len(within) >= LEAST_WEEKS else since[-LEAST_WEEKS:]
