"""The shop as a client of a decision service: its visitors ask at their exits, and answer by the truth.

A day's visits are drawn beforehand; they come in the order and at the distances of their time, tell what the visitor
has done so far, and the truth says what comes of each answer. No answer changes a later visit.
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np

from simulator.actions import NOTHING, POP_UP
from simulator.clock import SECOND
from simulator.columns import Ints
from simulator.devices import DEVICES
from simulator.effects import converts, leaves
from simulator.events import NAMES, Events, events_of
from simulator.places import PLACES, UNKNOWN
from simulator.population import Population
from simulator.records import user_ids
from simulator.shop import Shop
from simulator.traffic import CHANNELS
from simulator.visits import Sessions, Visits

Ask = Callable[[Mapping[str, Any]], Awaitable[Mapping[str, Any]]]
"""Puts a request to the decision service and gives its answer."""

_NO_VALUE = (UNKNOWN, "<Other>", "Unassigned")

IN_FLIGHT = 32
"""Requests that wait for an answer at once."""


@dataclass(frozen=True)
class Moment:
    """An exit at which the shop asks, and what would come of showing the pop-up and of not showing it."""

    at_us: int
    request: Mapping[str, Any]
    converts: tuple[float, float]
    has_converted: tuple[bool, bool]
    has_left: tuple[bool, bool]


@dataclass
class Outcome:
    """What came of the moments; expected conversions are sums of true probabilities, under three policies."""

    moments: int = 0
    shown: int = 0
    fallbacks: int = 0
    conversions: int = 0
    left: int = 0
    expected: float = 0.0
    expected_always: float = 0.0
    expected_never: float = 0.0

    def add(self, moment: Moment, is_shown: bool, is_fallback: bool) -> None:
        """Count a moment whose visitor was interrupted or not."""
        self.moments += 1
        self.shown += is_shown
        self.fallbacks += is_fallback
        self.conversions += moment.has_converted[is_shown]
        self.left += moment.has_left[is_shown]
        self.expected += moment.converts[is_shown]
        self.expected_always += moment.converts[True]
        self.expected_never += moment.converts[False]


def moments_on(shop: Shop, day: date) -> tuple[Moment, ...]:
    """The exits of a day at which the shop decides, in the order of their time."""
    return tuple(_moments(shop, *Population(shop).exits_on(day)))


async def play(moments: tuple[Moment, ...], ask: Ask, speed: float) -> Outcome:
    """Ask at each moment, `speed` times as fast as time passes in the shop, and count what comes of the answers."""
    outcome, loop = Outcome(), asyncio.get_running_loop()
    began, in_flight = loop.time(), asyncio.Semaphore(IN_FLIGHT)

    async def live(moment: Moment) -> None:
        due = began + (moment.at_us - moments[0].at_us) / SECOND / speed
        await asyncio.sleep(max(0.0, due - loop.time()))
        async with in_flight:
            answer = await ask(moment.request)
        outcome.add(moment, answer["action"] == "show", answer["fallback"])

    await asyncio.gather(*map(live, moments))
    return outcome


def _moments(shop: Shop, sessions: Sessions, visits: Visits, exits: Ints) -> Iterator[Moment]:
    probability = shop.effects.converts(sessions.latent, sessions.response)[:, [NOTHING, POP_UP]]
    leaving = shop.effects.leaves(sessions.latent)[:, [NOTHING, POP_UP]]
    has_converted = np.stack([converts(sessions.dice, column) for column in probability.T], axis=1)
    has_left = np.stack([leaves(sessions.dice, column) for column in leaving.T], axis=1)
    acts, users = _acts(visits), user_ids(sessions).to_pylist()
    for row, step in enumerate(exits):
        at_us = int(visits.steps.leave_us[step])
        session = int(visits.steps.session[step])
        yield Moment(
            at_us=at_us,
            request={
                "user_pseudo_id": users[row],
                "at": at_us,
                "profile": _profile(sessions, row, ZoneInfo(shop.time_zone)),
                "events": [event for event in acts(session) if event["event_timestamp"] < at_us],
            },
            converts=tuple(probability[row].tolist()),
            has_converted=tuple(has_converted[row].tolist()),
            has_left=tuple(has_left[row].tolist()),
        )


def _acts(visits: Visits) -> Callable[[int], list[dict[str, Any]]]:
    """The events of a session by its position, as the service takes them; none that a pop-up caused."""
    events: Events = events_of(visits)
    bounds = np.searchsorted(events.session, np.arange(len(visits.sessions) + 1))

    def of(session: int) -> list[dict[str, Any]]:
        rows = range(bounds[session], bounds[session + 1])
        named = ((NAMES[events.name[row]], int(events.at_us[row])) for row in rows)
        return [{"event_name": name, "event_timestamp": at} for name, at in named if not name.startswith("popup_")]

    return of


def _profile(sessions: Sessions, row: int, zone: ZoneInfo) -> dict[str, str | int]:
    """What a tag tells of a session, by the names of the session's features; words for "no value" are left out."""
    device, place = DEVICES[sessions.device[row]], PLACES[sessions.place[row]]
    own, first = CHANNELS[sessions.channel[row]], CHANNELS[sessions.first_channel[row]]
    began = datetime.fromtimestamp(int(sessions.start_us[row]) / SECOND, zone)
    told = {
        "device_category": device.category,
        "operating_system": device.operating_system,
        "browser": device.browser,
        "country": place.country.name,
        "region": place.region,
        "city": place.city,
        # a session that tells no source of its own is taken to have come as its visitor first did
        "channel": first.group if own.group in _NO_VALUE else own.group,
        "day_of_week": began.isoweekday(),
        "hour_of_day": began.hour,
        "session_number": int(sessions.number[row]),
    }
    return {name: value for name, value in told.items() if value not in _NO_VALUE}
