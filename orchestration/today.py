"""What a day asks for: to wait for its data, to be built, or nothing any more. Pure rules, which know no Dagster."""

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Literal

from ga4_export.days import REWRITTEN
from tactful.source import Source

FIRST_HOUR = 14
"""Hour of the property's clock at which the newest day is looked for; GA4 delivers most of them before noon."""


@dataclass(frozen=True)
class Wait:
    """The newest day is not there: it is a failure once it is given up."""

    told: str
    urgency: Literal["warning", "failure"]


@dataclass(frozen=True)
class Build:
    """The days to build, both included."""

    first: date
    last: date


def due_day(source: Source, now: datetime, last_day: date | None) -> date:
    """The newest day that should be there: yesterday, or the last one that is asked for or that there will ever be."""
    if source.kind == "own":
        return source.last
    yesterday = now.date() - timedelta(days=1)
    return min(yesterday, last_day) if last_day else yesterday


def what_today(
    source: Source | str, now: datetime, until: int, built: date | None, last_day: date | None = None
) -> Wait | Build:
    """What to do at `now`, on the property's clock, about a day whose data are waited for `until` an hour of it.

    `source` is what there is, or why it can't be looked at; `built` the newest day of it that was built before. What
    is built are all days since that one, those before the newest that GA4 may have rewritten, and one more, whose
    sessions may go on into the first.
    """
    if isinstance(source, str):
        return _wait(source, now, until)
    due = due_day(source, now, last_day)
    if source.last < due:
        return _wait(f"{due} is not there; the newest day of {source.place} is {source.last}.", now, until)
    first = min(source.last - REWRITTEN - timedelta(days=1), built or source.first)
    return Build(max(source.first, first), source.last)


def _wait(why: str, now: datetime, until: int) -> Wait:
    if now.hour >= until:
        return Wait(f"{why} It is given up for today.", "failure")
    return Wait(f"{why} It is looked for on the hour until {until}:00.", "warning")
