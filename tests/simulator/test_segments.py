"""The kinds of visitors differ in their traits, and in what these make them do."""

from dataclasses import replace
from datetime import date

import numpy as np
import pytest

from simulator.clock import midnights
from simulator.columns import Floats
from simulator.moods import Moods, Occasion, latent_state, untravelled
from simulator.population import Population
from simulator.scenarios import compose
from simulator.segments import FAR_APART, SEGMENTS, TRAITS, Segment, means_of, shares_of, spread_within
from simulator.shop import Shop
from simulator.site import Page
from simulator.visitors import Visitors, people
from simulator.visits import Visits

CLEAR = compose("clear_kinds", Shop(sessions_per_day=600))
WINDOW_SHOPPER, BARGAIN_HUNTER, CONNOISSEUR, HURRIED = range(len(FAR_APART))


def _people(shop: Shop, size: int = 4_000) -> Visitors:
    start_us = np.repeat(midnights("UTC", date(2026, 1, 5).toordinal(), 1), size)
    return people(np.random.default_rng(3), shop.arrivals, start_us)


def _nearest_to_their_own(shop: Shop) -> float:
    """The share of visitors whose traits are nearest to the mean of their own kind."""
    visitors = _people(shop)
    traits = np.stack([getattr(visitors, trait) for trait in TRAITS], axis=1)
    traits = (traits - traits.mean(axis=0)) / traits.std(axis=0)
    means = np.array([traits[visitors.segment == kind].mean(axis=0) for kind in range(len(FAR_APART))])
    distance = ((traits[:, None] - means) ** 2).sum(axis=2)
    return float((distance.argmin(axis=1) == visitors.segment).mean())


def test_clear_kinds_are_told_by_their_traits_and_the_default_ones_are_not() -> None:
    assert _nearest_to_their_own(CLEAR) > 0.99
    assert _nearest_to_their_own(Shop()) < 0.7


@pytest.mark.parametrize("segments", [SEGMENTS, FAR_APART])
def test_all_visitors_together_have_a_spread_of_one(segments: tuple[Segment, ...]) -> None:
    between: Floats = shares_of(segments) @ means_of(segments) ** 2 / shares_of(segments).sum()
    assert between + spread_within(segments) ** 2 == pytest.approx(1)
    assert [segment.name for segment in segments] == [segment.name for segment in SEGMENTS]


def test_segments_further_apart_than_all_visitors_are_refused() -> None:
    with pytest.raises(ValueError, match=r"mean square of segments' patience is 1\.44; at most 1"):
        spread_within([Segment("slow", 50, 0, 0, 1.2, 0), Segment("fast", 50, 0, 0, -1.2, 0)])


@pytest.fixture(scope="module")
def visits() -> Visits:
    return Population(CLEAR).visits_on(CLEAR.first_day)


def test_clear_kinds_show_in_what_visitors_do(visits: Visits) -> None:
    sessions, steps = visits.sessions, visits.steps
    kind = sessions.segment[steps.session]

    def share(kinds: int, which: int) -> float:
        return float((steps.page[kind == kinds] == which).mean())

    seconds = [np.median(steps.engaged_ms[kind == number]) / 1000 for number in range(len(FAR_APART))]
    others = [number for number in range(len(FAR_APART)) if number != BARGAIN_HUNTER]
    assert share(BARGAIN_HUNTER, Page.SALE) > 4 * max(share(number, Page.SALE) for number in others)
    assert max(seconds) / seconds[HURRIED] > 4
    assert share(CONNOISSEUR, Page.THANKS) > 4 * share(WINDOW_SHOPPER, Page.THANKS)


def test_members_come_back(visits: Visits) -> None:
    assert (visits.sessions.number > 1).mean() > 0.9
    assert len(visits.sessions) == pytest.approx(CLEAR.sessions_per_day, rel=0.25)


def test_where_circumstances_count_for_nothing_a_visit_begins_as_its_visitor_is() -> None:
    visitors = _people(CLEAR, 50)
    journey = replace(untravelled(np.full(50, 3), visitors.first_start_us), closings=np.full(50, 2))
    occasion = Occasion(visitors.channel, np.full(50, 20.0), np.full(50, True))
    begun = latent_state(np.random.default_rng(1), Moods(spread=0.0, circumstances=0.0), visitors, journey, occasion)
    assert begun.intent.tolist() == visitors.affinity.tolist()
    for trait in ("price_sensitivity", "patience", "annoyance"):
        assert getattr(begun, trait).tolist() == getattr(visitors, trait).tolist()
    usual = latent_state(np.random.default_rng(1), Moods(spread=0.0), visitors, journey, occasion)
    assert (usual.annoyance > visitors.annoyance).all()


def test_visits_that_end_less_readily_have_more_pages() -> None:
    shop = Shop(sessions_per_day=300)
    readily, longer = (
        len(
            Population(replace(shop, behaviour=replace(shop.behaviour, leaving=leaving)))
            .visits_on(shop.first_day)
            .steps
        )
        for leaving in (1.0, 0.5)
    )
    assert longer > 1.3 * readily
