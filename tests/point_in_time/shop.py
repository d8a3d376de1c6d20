"""A small shop: what its visitors did, and how GA4 told of it, late, twice, wrongly and corrected."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

ZONE = ZoneInfo("Europe/Warsaw")
DELAY = timedelta(hours=6)
FIRST_DAY = date(2026, 3, 27)
"""Two days later the clocks are put forward: that day has 23 hours."""

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


@dataclass(frozen=True)
class Event:
    """One event as GA4 tells of it; `at` in microseconds since 1970, `number` its place in the batch."""

    number: int
    user: str
    at: int
    name: str
    session_id: int | None = None
    session_number: int | None = None
    engaged_msec: int | None = None
    transaction_id: str | None = None
    revenue: float | None = None
    first_touch: int | None = None
    source: str | None = None
    medium: str | None = None
    user_source: str | None = None
    user_medium: str | None = None
    category: str | None = None
    system: str | None = None
    browser: str | None = None
    country: str | None = None
    region: str | None = None
    city: str | None = None

    @property
    def day(self) -> date:
        return local(self.at).date()


@dataclass(frozen=True)
class Told:
    """How GA4 told of an event: from when on (None: in its day's first delivery), and what it said of it afterwards.

    `again` is told from `changed_at` on in place of the event; None takes the event back.
    """

    event: Event
    late_at: datetime | None = None
    doubled_at: datetime | None = None
    changed_at: datetime | None = None
    again: Event | None = None

    def by(self, moment: datetime) -> list[Event]:
        """The rows that stand in a delivery of `moment`."""
        if self.late_at and self.late_at > moment:
            return []
        event = self.again if self.changed_at and self.changed_at <= moment else self.event
        copies = 2 if self.doubled_at and self.doubled_at <= moment else 1
        return [event] * copies if event else []


Delivery = tuple[datetime, dict[date, tuple[Event, ...]]]
"""When files came, and each of them whole."""


def deliveries(told: Sequence[Told], days: int, rounds: Iterable[datetime]) -> Iterator[Delivery]:
    """Each day's first file as the day is delivered, and in each of the `rounds` the files that had changed by then."""
    shop_days = [FIRST_DAY + timedelta(days=n) for n in range(days)]
    last: dict[date, tuple[Event, ...]] = {}
    for at in sorted({*(delivered_at(day) for day in shop_days), *rounds}):
        files = {day: _file(told, day, at) for day in shop_days if delivered_at(day) <= at}
        changed = {day: file for day, file in files.items() if last.get(day) != file}
        if changed:
            yield at, changed
        last = files


def delivered_at(day: date) -> datetime:
    """When GA4 delivers a day for the first time."""
    return midnight_after(day) + DELAY


def midnight_after(day: date) -> datetime:
    """The instant at which a day of the shop ends."""
    return datetime.combine(day + timedelta(days=1), time(), ZONE).astimezone(UTC)


def local(micros: int) -> datetime:
    """A time on the shop's clock."""
    return instant(micros).astimezone(ZONE)


def instant(micros: int) -> datetime:
    return _EPOCH + micros * _MICROSECOND


def micros(moment: datetime) -> int:
    return (moment - _EPOCH) // _MICROSECOND


def exported(event: Event) -> dict[str, Any]:
    """The row of an export file."""
    integers = {
        "ga_session_id": event.session_id,
        "ga_session_number": event.session_number,
        "engagement_time_msec": event.engaged_msec,
    }
    texts = {"source": event.source, "medium": event.medium}
    return {
        "event_date": f"{event.day:%Y%m%d}",
        "event_timestamp": event.at,
        "event_name": event.name,
        "user_pseudo_id": event.user,
        "user_first_touch_timestamp": event.first_touch,
        "batch_event_index": event.number,
        "event_params": [
            *({"key": key, "value": {"int_value": value}} for key, value in integers.items() if value is not None),
            *({"key": key, "value": {"string_value": value}} for key, value in texts.items() if value is not None),
        ],
        "ecommerce": {"transaction_id": event.transaction_id, "purchase_revenue_in_usd": event.revenue},
        "traffic_source": {"source": event.user_source, "medium": event.user_medium},
        "device": {
            "category": event.category,
            "operating_system": event.system,
            "web_info": {"browser": event.browser},
        },
        "geo": {"country": event.country, "region": event.region, "city": event.city},
    }


def _file(told: Sequence[Told], day: date, at: datetime) -> tuple[Event, ...]:
    return tuple(event for event_told in told for event in event_told.by(at) if event.day == day)
