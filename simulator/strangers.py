"""Visits that are no visitor's: page loads without consent, each a session of its own, and bots."""

from datetime import date

import numpy as np

from simulator.actions import NOTHING
from simulator.clock import SECOND, midnights
from simulator.columns import Ints, draw
from simulator.effects import Answer
from simulator.shop import Shop
from simulator.site import SUBJECTS
from simulator.visitors import people, time_of_day
from simulator.visits import NOT_ASKED, Sessions, Visits
from simulator.walk import Steps

BOT_PAGES = 1_100
BOT_LOOK = SECOND // 3


def pings_on(rng: np.random.Generator, shop: Shop, day: date) -> Visits:
    """The day's page loads without consent."""
    start_us = _starts(rng, shop, day, shop.faults.denied)
    sessions = _sessions(rng, shop, start_us, start_us + SECOND, np.zeros(len(start_us), dtype=np.int64))
    return Visits(sessions, _steps(rng, shop, np.arange(len(start_us)), start_us, SECOND))


def bots_on(rng: np.random.Generator, shop: Shop, day: date) -> Visits:
    """The day's bots, which open three pages a second."""
    start_us = _starts(rng, shop, day, shop.faults.bots)
    client = rng.integers(10**8, 2**31, len(start_us))
    sessions = _sessions(rng, shop, start_us, start_us + BOT_PAGES * BOT_LOOK, client)
    place = np.tile(np.arange(BOT_PAGES), len(start_us))
    session = np.repeat(np.arange(len(start_us)), BOT_PAGES)
    return Visits(sessions, _steps(rng, shop, session, start_us[session] + place * BOT_LOOK, BOT_LOOK))


def _starts(rng: np.random.Generator, shop: Shop, day: date, per_session: float) -> Ints:
    size = rng.poisson(shop.sessions_per_day * per_session * shop.arrivals.busyness(day.weekday()))
    midnight = int(midnights(shop.time_zone, day.toordinal(), 1)[0])
    starts: Ints = midnight + np.sort(time_of_day(rng, shop.arrivals, size))
    return starts


def _sessions(rng: np.random.Generator, shop: Shop, start_us: Ints, end_us: Ints, client: Ints) -> Sessions:
    strangers = people(rng, shop.arrivals, start_us)
    none = np.zeros(len(start_us), dtype=np.int64)
    return Sessions(
        intent=strangers.affinity,
        price_sensitivity=strangers.price_sensitivity,
        patience=strangers.patience,
        annoyance=strangers.annoyance,
        client=client,
        first_touch_us=start_us,
        number=none + 1,
        start_us=start_us,
        end_us=end_us,
        device=strangers.device,
        place=strangers.place,
        channel=strangers.channel,
        first_channel=strangers.channel,
        has_ads_consent=none > 0,
        lifetime_revenue=none.astype(np.float64),
        loyalty=strangers.loyalty,
        stage=none,
        segment=strangers.segment,
        response=none.astype(np.float64),
        policy=none,
        action=none + NOTHING,
        propensity=none.astype(np.float64),
        answer=none + Answer.NOT_SHOWN,
        has_converted=none > 0,
        survey_answer=none + NOT_ASKED,
        dice=rng.integers(0, 2**64, len(start_us), dtype=np.uint64),
    )


def _steps(rng: np.random.Generator, shop: Shop, session: Ints, start_us: Ints, look_us: int) -> Steps:
    size = len(session)
    page = draw(rng, shop.behaviour.landing, size)
    nothing = np.zeros(size, dtype=np.int64)
    return Steps(
        session=session,
        page=page,
        subject=(rng.random(size) * np.array(SUBJECTS)[page]).astype(np.int64),
        quantity=nothing,
        removes=nothing > 0,
        has_coupon=nothing > 0,
        start_us=start_us,
        engaged_ms=nothing,
        leave_us=start_us + look_us,
        at_exit=nothing > 0,
        dice=rng.integers(0, 2**64, size, dtype=np.uint64),
    )
