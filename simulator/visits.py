"""The visits of a cohort: everyone who came first in one week, followed from visit to visit.

A later visit depends on what the earlier ones brought (a basket, an order, a pop-up), so visits are drawn round by
round: all first visits of the cohort, then all second ones, and so on.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Self

import numpy as np

from simulator.baskets import basket_lines, order_page, revenue
from simulator.clock import DAY, DAYS_OF_WEEK, HOUR
from simulator.columns import Dice, Flags, Floats, Ints, draw, ranges
from simulator.devices import DEVICES
from simulator.moods import Journey, Occasion, latent_state, untravelled
from simulator.popups import Answer, is_eligible, submit_probability
from simulator.returns import comes_back, next_start
from simulator.shop import Shop
from simulator.traffic import CHANNELS
from simulator.visitors import Visitors, newcomers
from simulator.walk import Latent, Steps, walk

SATURDAY = 5
_ON_DESKTOP = np.array([device.category == "desktop" for device in DEVICES])


@dataclass(frozen=True)
class Sessions(Latent):
    """Visits with the hidden state they began with; a visit without consent has the client 0.

    `submit_probability` is the truth behind `answer`, also where the pop-up was not shown.
    """

    client: Ints
    first_touch_us: Ints
    number: Ints
    start_us: Ints
    end_us: Ints
    device: Ints
    place: Ints
    channel: Ints
    first_channel: Ints
    has_ads_consent: Flags
    lifetime_revenue: Floats
    submit_probability: Floats
    answer: Ints
    dice: Dice


@dataclass(frozen=True)
class Visits:
    """Sessions and their page loads, which are in the order of the sessions."""

    sessions: Sessions
    steps: Steps

    @classmethod
    def join(cls, parts: Sequence[Self]) -> Self:
        offsets = np.cumsum([0] + [len(part.sessions) for part in parts])
        steps = [
            replace(part.steps, session=part.steps.session + offset)
            for part, offset in zip(parts, offsets[:-1], strict=True)
        ]
        return cls(Sessions.concatenate([part.sessions for part in parts]), Steps.concatenate(steps))

    def take(self, rows: Ints) -> Self:
        """The sessions at the given positions with their page loads."""
        counts = np.bincount(self.steps.session, minlength=len(self.sessions))
        steps = self.steps.take(ranges((np.cumsum(counts) - counts)[rows], counts[rows]))
        session = np.repeat(np.arange(len(rows)), counts[rows])
        return type(self)(self.sessions.take(rows), replace(steps, session=session))


def cohort(rng: np.random.Generator, shop: Shop, midnights: Ints) -> Visits:
    """All visits of those whose first one falls in the week that `midnights` begins with, until its last midnight."""
    visitors = newcomers(rng, shop.arrivals, shop.sessions_per_day, midnights)
    journey = untravelled(visitors.first_start_us)
    rounds: list[Visits] = []
    while len(visitors) or not rounds:
        visits = _round(rng, shop, midnights, visitors, journey)
        rounds.append(visits)
        sessions = visits.sessions
        next_us = next_start(rng, shop.returns, shop.arrivals, midnights, sessions.end_us)
        is_back = comes_back(rng, shop.returns, visitors.loyalty, sessions.intent, sessions.answer)
        is_back &= next_us < midnights[-1]
        journey = _after(journey, visits, next_us).take(is_back)
        visitors = visitors.take(is_back)
    return Visits.join(rounds)


def _round(rng: np.random.Generator, shop: Shop, midnights: Ints, visitors: Visitors, journey: Journey) -> Visits:
    """The next visit of each visitor."""
    size, start_us = len(visitors), journey.next_start_us
    occasion = _occasion(rng, shop, midnights, visitors, journey)
    latent = latent_state(rng, shop.moods, visitors, journey, occasion)
    steps = walk(rng, shop.behaviour, latent, start_us)
    end_us = steps.leave_us[np.flatnonzero(np.diff(steps.session, append=size))]
    probability = submit_probability(shop.pop_up, latent)
    rested = end_us - journey.last_popup_us >= shop.pop_up.rest_days * DAY
    shown = is_eligible(shop.pop_up, steps, _ON_DESKTOP[visitors.device], rested)
    answer = np.where(rng.random(size) < probability, Answer.SUBMITTED, Answer.CLOSED)
    sessions = Sessions(
        intent=latent.intent,
        price_sensitivity=latent.price_sensitivity,
        patience=latent.patience,
        annoyance=latent.annoyance,
        client=visitors.client,
        first_touch_us=visitors.first_start_us,
        number=journey.visits + 1,
        start_us=start_us,
        end_us=end_us,
        device=visitors.device,
        place=visitors.place,
        channel=occasion.channel,
        first_channel=visitors.channel,
        has_ads_consent=visitors.has_ads_consent,
        lifetime_revenue=journey.revenue + _revenue(steps, size),
        submit_probability=probability,
        answer=np.where(shown, answer, Answer.NOT_SHOWN),
        dice=rng.integers(0, 2**64, size, dtype=np.uint64),
    )
    return Visits(sessions, steps)


def _occasion(rng: np.random.Generator, shop: Shop, midnights: Ints, visitors: Visitors, journey: Journey) -> Occasion:
    keeps = (journey.visits == 0) | (rng.random(len(visitors)) < shop.returns.keeps_channel)
    other = draw(rng, [channel.returning for channel in CHANNELS], len(visitors))
    day = np.searchsorted(midnights, journey.next_start_us, side="right") - 1
    return Occasion(
        channel=np.where(keeps, visitors.channel, other),
        hour=(journey.next_start_us - midnights[day]) / HOUR,
        is_weekend=day % DAYS_OF_WEEK >= SATURDAY,
    )


def _revenue(steps: Steps, sessions: int) -> Floats:
    """The revenue of each session, orders whose page was reloaded counted once."""
    is_reload = order_page(steps) != np.arange(len(steps))
    ordered = np.where(is_reload, 0, revenue(steps, basket_lines(steps)))
    return np.bincount(steps.session, ordered, sessions).astype(np.float64)


def _after(journey: Journey, visits: Visits, next_start_us: Ints) -> Journey:
    """The journeys once these visits are over."""
    sessions, steps = visits.sessions, visits.steps
    filled = np.bincount(steps.session, steps.quantity) > 0
    ordered = sessions.lifetime_revenue > journey.revenue
    saw_popup = sessions.answer != Answer.NOT_SHOWN
    return Journey(
        visits=sessions.number,
        revenue=sessions.lifetime_revenue,
        has_left_basket=(journey.has_left_basket | filled) & ~ordered,
        last_answer=np.where(saw_popup, sessions.answer, journey.last_answer),
        closings=journey.closings + (sessions.answer == Answer.CLOSED),
        last_popup_us=np.where(saw_popup, sessions.end_us, journey.last_popup_us),
        next_start_us=next_start_us,
    )
