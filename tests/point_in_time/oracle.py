"""What the platform knew of a visitor at a moment, by brute force over what had been delivered by then."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from tests.point_in_time.rows import Features, Row, Tables, tables
from tests.point_in_time.shop import Delivery, Event, instant, local, micros


@dataclass(frozen=True)
class Lifetimes:
    """How long a row is of use."""

    users: timedelta
    activity: timedelta
    profile: timedelta


@dataclass(frozen=True)
class Session:
    """A session of a user, and when it was."""

    user: str
    key: str
    first_at: datetime
    last_at: datetime


class Oracle:
    """Knows every delivery, and tells what was known at a moment."""

    def __init__(self, delivered: Sequence[Delivery], lifetimes: Lifetimes) -> None:
        self._lifetimes = lifetimes
        self._told: list[tuple[datetime, frozenset[date], Tables]] = []
        self._first_told: dict[Event, datetime | None] = {}
        files: dict[date, tuple[Event, ...]] = {}
        for at, changed in delivered:
            for day, events in changed.items():
                for event in events:
                    # the service hears what comes in time as it happens
                    self._first_told.setdefault(event, at if day in files else None)
            files = {**files, **changed}
            everything = [event for file in files.values() for event in file]
            self._told.append((at, frozenset(files), tables(everything, max(files))))

    @property
    def sessions(self) -> list["Session"]:
        """Every session that was ever told of, from its earliest to its latest act."""
        moments: dict[tuple[str, str], set[datetime]] = {}
        for _, _, told in self._told:
            for key, (start,) in told.profile.items():
                of_session = moments.setdefault((start.behind[0].user, key), set())
                of_session |= {row.at for row in (start, *told.activity[key])}
        return [Session(user, key, min(times), max(times)) for (user, key), times in sorted(moments.items())]

    def known(self, user: str, session: str, moment: datetime) -> Features:
        """Every feature of all three tables; one that was not known is absent."""
        found: Features = {}
        found |= _newest(self._told_by(moment).users.get(user, ()), moment, self._lifetimes.users)
        found |= _newest(self._heard("activity", session, moment), moment, self._lifetimes.activity)
        found |= _newest(self._heard("profile", session, moment), moment, self._lifetimes.profile)
        return found

    def _told_by(self, moment: datetime) -> Tables:
        known = [told for at, _, told in self._told if at <= moment]
        return known[-1] if known else Tables({}, {}, {})

    def _heard(self, table: str, session: str, moment: datetime) -> list[Row]:
        """Rows of delivered days as delivered last, and of later days as the service heard their events."""
        covered = frozenset[date]().union(*(days for at, days, _ in self._told if at <= moment))
        rows = list(getattr(self._told_by(moment), table).get(session, ()))
        for _, days, told in self._told:
            for row in getattr(told, table).get(session, ()):
                is_new = local(micros(row.at)).date() in days - covered
                if is_new and all(self._known_at(event) <= moment for event in row.behind):
                    rows.append(row)
            covered |= days
        return rows

    def _known_at(self, event: Event) -> datetime:
        return self._first_told[event] or instant(event.at)


def _newest(rows: Iterable[Row], moment: datetime, lifetime: timedelta) -> Features:
    fit = [row for row in rows if row.at <= moment <= row.at + lifetime]
    return max(fit, key=lambda row: row.at).features if fit else {}
