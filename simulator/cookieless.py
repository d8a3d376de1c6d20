"""Page loads of visitors who refused storage: pings without an id, each a session of its own."""

from datetime import date

import numpy as np

from simulator.clock import SECOND, midnights
from simulator.columns import Ints, draw
from simulator.popups import Answer
from simulator.shop import Shop
from simulator.site import SUBJECTS
from simulator.visitors import people, time_of_day
from simulator.visits import Sessions, Visits
from simulator.walk import Steps


def pings_on(rng: np.random.Generator, shop: Shop, day: date) -> Visits:
    """The day's page loads without consent."""
    per_day = shop.sessions_per_day * shop.arrivals.cookieless_per_session * shop.arrivals.busyness(day.weekday())
    size = rng.poisson(per_day)
    start_us = midnights(shop.time_zone, day.toordinal(), 1)[0] + np.sort(time_of_day(rng, shop.arrivals, size))
    sessions = _sessions(rng, shop, start_us)
    return Visits(sessions, _steps(rng, shop, start_us))


def _sessions(rng: np.random.Generator, shop: Shop, start_us: Ints) -> Sessions:
    strangers = people(rng, shop.arrivals, start_us)
    nothing = np.zeros(len(start_us), dtype=np.int64)
    return Sessions(
        intent=strangers.affinity,
        price_sensitivity=strangers.price_sensitivity,
        patience=strangers.patience,
        annoyance=strangers.annoyance,
        client=nothing,
        first_touch_us=start_us,
        number=nothing + 1,
        start_us=start_us,
        end_us=start_us + SECOND,
        device=strangers.device,
        place=strangers.place,
        channel=strangers.channel,
        first_channel=strangers.channel,
        has_ads_consent=nothing > 0,
        lifetime_revenue=nothing.astype(np.float64),
        submit_probability=nothing.astype(np.float64),
        answer=nothing + Answer.NOT_SHOWN,
        dice=rng.integers(0, 2**64, len(start_us), dtype=np.uint64),
    )


def _steps(rng: np.random.Generator, shop: Shop, start_us: Ints) -> Steps:
    size = len(start_us)
    page = draw(rng, shop.behaviour.landing, size)
    nothing = np.zeros(size, dtype=np.int64)
    return Steps(
        session=np.arange(size),
        page=page,
        subject=(rng.random(size) * np.array(SUBJECTS)[page]).astype(np.int64),
        quantity=nothing,
        removes=nothing > 0,
        has_coupon=nothing > 0,
        start_us=start_us,
        engaged_ms=nothing,
        leave_us=start_us + SECOND,
        dice=rng.integers(0, 2**64, size, dtype=np.uint64),
    )
