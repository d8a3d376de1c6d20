"""The visits of a cohort: everyone who came first in one week, followed from visit to visit.

A later visit depends on what the earlier ones brought (a basket, an order, a pop-up), so visits are drawn round by
round: all first visits of the cohort, then all second ones, and so on.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import Self

import numpy as np

from simulator.actions import NOTHING
from simulator.baskets import basket_lines, order_page, revenue
from simulator.changes import crowd, response, shifted
from simulator.clock import DAY, DAYS_OF_WEEK, HOUR, wall_clock
from simulator.clock import midnights as days_begin
from simulator.columns import Dice, Flags, Floats, Ints, chance, draw, ranges
from simulator.devices import DEVICES
from simulator.effects import Answer, answer, converts, leaves
from simulator.exits import ends, going_on, marked
from simulator.latent import Latent
from simulator.moods import Journey, Occasion, latent_state, untravelled
from simulator.popups import POLICIES, is_moment
from simulator.returns import next_start, return_probability
from simulator.shop import Shop
from simulator.site import Page
from simulator.stages import STAGES
from simulator.traffic import CHANNELS, GOOGLE_ORGANIC, RELABELLED
from simulator.visitors import Visitors, newcomers
from simulator.walk import Steps, walk

SATURDAY = 5
NOT_ASKED = -1
_ON_DESKTOP = np.array([device.category == "desktop" for device in DEVICES])


@dataclass(frozen=True)
class Sessions(Latent):
    """Visits with the hidden state in which they reach their exit; a visit without consent has the client 0.

    `action`, `propensity`, `answer` and `has_converted` are about the decision at the exit, of visits that have one.
    `response` is what drifts have added to the logit of converting.
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
    loyalty: Floats
    stage: Ints
    segment: Ints
    response: Floats
    policy: Ints
    action: Ints
    propensity: Floats
    answer: Ints
    has_converted: Flags
    survey_answer: Ints
    dice: Dice

    @property
    def latent(self) -> Latent:
        """The hidden state alone."""
        return Latent(self.intent, self.price_sensitivity, self.patience, self.annoyance)


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


def cohort_visitors(rng: np.random.Generator, shop: Shop, midnights: Ints) -> Visitors:
    """Those whose first visit falls in the week that `midnights` begins with; what a cohort's generator draws first."""
    return newcomers(rng, shop.arrivals, _sessions_per_day(shop, midnights[:DAYS_OF_WEEK]), midnights)


def cohort(rng: np.random.Generator, shop: Shop, midnights: Ints) -> Visits:
    """All visits of those whose first one falls in the week that `midnights` begins with, until its last midnight."""
    visitors = cohort_visitors(rng, shop, midnights)
    journey = untravelled(shop.stages.at_first(rng, len(visitors)), visitors.first_start_us)
    rounds: list[Visits] = []
    while len(visitors) or not rounds:
        visits = _round(rng, shop, midnights, visitors, journey)
        rounds.append(visits)
        sessions = visits.sessions
        next_us = next_start(rng, shop.returns, shop.arrivals, midnights, sessions.end_us)
        back = return_probability(shop.returns, visitors.loyalty, sessions.latent, sessions.answer)
        is_back = (chance(sessions.dice, 62) < back) & (next_us < midnights[-1])
        journey = _after(rng, shop, journey, visits, next_us).take(is_back)
        visitors = visitors.take(is_back)
    return Visits.join(rounds)


def _sessions_per_day(shop: Shop, midnights: Ints) -> Floats:
    """The mean number of sessions on days, weekdays aside."""
    is_open = np.full(len(midnights), True) if shop.opens is None else midnights >= _instant(shop, shop.opens)
    return shop.sessions_per_day * crowd(shop.changes, wall_clock(shop.time_zone, midnights)) * is_open


def _instant(shop: Shop, day: date) -> int:
    return int(days_begin(shop.time_zone, day.toordinal(), 1)[0])


def _round(rng: np.random.Generator, shop: Shop, midnights: Ints, visitors: Visitors, journey: Journey) -> Visits:
    """The next visit of each visitor."""
    size, start_us = len(visitors), journey.next_start_us
    occasion = _occasion(rng, shop, midnights, visitors, journey)
    told_us = wall_clock(shop.time_zone, start_us)
    begun = shifted(shop.changes, latent_state(rng, shop.moods, visitors, journey, occasion), told_us)
    dice = rng.integers(0, 2**64, size, dtype=np.uint64)
    steps = walk(rng, shop.behaviour, begun, start_us)
    latent = shop.experience.after(begun, steps)
    rested = ends(steps, size) - journey.last_popup_us >= shop.pop_up.rest_days * DAY
    decided = is_moment(shop.pop_up, steps, _ON_DESKTOP[visitors.device], rested)
    action, propensity = POLICIES[shop.pop_up.policy_code].act(rng, size)
    action = np.where(decided, action, NOTHING)
    responds = response(shop.changes, told_us)
    row = np.arange(size)
    has_converted = decided & converts(dice, shop.effects.converts(latent, responds)[row, action])
    stays = decided & ~leaves(dice, shop.effects.leaves(latent)[row, action])
    steps = going_on(rng, shop.behaviour, begun, marked(steps, decided), stays)
    sessions = Sessions(
        intent=latent.intent,
        price_sensitivity=latent.price_sensitivity,
        patience=latent.patience,
        annoyance=latent.annoyance,
        client=visitors.client,
        first_touch_us=visitors.first_start_us,
        number=journey.visits + 1,
        start_us=start_us,
        end_us=ends(steps, size),
        device=visitors.device,
        place=visitors.place,
        channel=_label(shop, occasion.channel, start_us),
        first_channel=_label(shop, visitors.channel, visitors.first_start_us),
        has_ads_consent=visitors.has_ads_consent,
        lifetime_revenue=journey.revenue + _revenue(steps, size),
        loyalty=visitors.loyalty,
        stage=journey.stage,
        segment=visitors.segment,
        response=responds,
        policy=np.full(size, shop.pop_up.policy_code),
        action=action,
        propensity=np.where(decided, propensity, 0.0),
        answer=answer(action, has_converted),
        has_converted=has_converted,
        survey_answer=_survey(rng, shop, journey.stage),
        dice=dice,
    )
    return Visits(sessions, steps)


def _label(shop: Shop, channel: Ints, at_us: Ints) -> Ints:
    """What the export calls the channels of visits that begin at instants."""
    if shop.relabels is None:
        return channel
    is_renamed = (channel == GOOGLE_ORGANIC) & (at_us >= _instant(shop, shop.relabels))
    return np.where(is_renamed, RELABELLED, channel)


def _survey(rng: np.random.Generator, shop: Shop, stage: Ints) -> Ints:
    """The stage that visitors name when they are asked, NOT_ASKED for the others; some name the one beside theirs."""
    size = len(stage)
    beside = np.where(stage == 0, 1, np.where(stage == len(STAGES) - 1, stage - 1, stage + rng.choice([-1, 1], size)))
    named = np.where(rng.random(size) < shop.stages.candour, stage, beside)
    return np.where(rng.random(size) < shop.stages.survey, named, NOT_ASKED)


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


def _after(rng: np.random.Generator, shop: Shop, journey: Journey, visits: Visits, next_start_us: Ints) -> Journey:
    """The journeys once these visits are over, as they stand when the next ones begin."""
    sessions, steps = visits.sessions, visits.steps
    filled = np.bincount(steps.session, steps.quantity) > 0
    ordered = sessions.lifetime_revenue > journey.revenue
    saw_popup = sessions.answer != Answer.NOT_SHOWN
    looked = np.bincount(steps.session, steps.page == Page.ITEM) > 0
    stage = shop.stages.after(rng, journey.stage, looked, filled, ordered)
    return Journey(
        visits=sessions.number,
        stage=shop.stages.after_days(rng, stage, next_start_us - sessions.end_us),
        revenue=sessions.lifetime_revenue,
        has_left_basket=(journey.has_left_basket | filled) & ~ordered,
        last_answer=np.where(saw_popup, sessions.answer, journey.last_answer),
        closings=journey.closings + (sessions.answer == Answer.CLOSED),
        last_popup_us=np.where(saw_popup, sessions.end_us, journey.last_popup_us),
        next_start_us=next_start_us,
    )
