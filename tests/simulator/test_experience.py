"""What a visit does to its visitor."""

from dataclasses import fields
from typing import Any

import numpy as np
import pytest

from simulator.clock import MINUTE
from simulator.events import events_of
from simulator.experience import Experience
from simulator.latent import Latent
from simulator.population import Population
from simulator.shop import Shop
from simulator.site import Page
from simulator.walk import Steps

CALM = Latent(*np.zeros((4, 2)))
EXPERIENCE = Experience(
    intent_by_searching=1.0,
    intent_by_filling_basket=10.0,
    intent_by_items=100.0,
    price_sensitivity_by_promotion=2.0,
    patience_by_minutes=-3.0,
    annoyance_by_pages=4.0,
)


SCROLLS, SCROLLS_NOT = 0, 1
"""The dice of page loads that are, or are not, scrolled to where a promotion stands."""


def steps(*pages: tuple[int, int, int], minutes: float = 0.0, dice: int = SCROLLS_NOT) -> Steps:
    """Page loads as (session, page, quantity), each looked at for some minutes."""
    session, page, quantity = (np.array(column) for column in zip(*pages, strict=True))
    nothing = np.zeros(len(pages), dtype=np.int64)
    columns: dict[str, Any] = {column.name: nothing for column in fields(Steps)}
    columns |= {"session": session, "page": page, "quantity": quantity, "leave_us": nothing + int(minutes * MINUTE)}
    columns["dice"] = np.full(len(pages), dice, dtype=np.uint64)
    return Steps(**columns)


def test_a_visit_in_which_nothing_happens_leaves_its_visitor_as_before() -> None:
    after = EXPERIENCE.after(CALM, steps((0, Page.HOME, 0), (1, Page.CONTENT, 0)))
    assert [column.tolist() for column in (after.intent, after.patience, after.annoyance)] == [[0, 0]] * 3


def test_intent_grows_by_a_search_a_filled_basket_and_items() -> None:
    after = EXPERIENCE.after(
        CALM, steps((0, Page.SEARCH, 0), (0, Page.SEARCH, 0), (1, Page.ITEM, 2), (1, Page.ITEM, 0))
    )
    assert after.intent.tolist() == pytest.approx([1.0, 10.0 + 100.0 * np.log(3)])


def test_a_basket_that_was_ordered_is_no_longer_filled() -> None:
    after = EXPERIENCE.after(CALM, steps((0, Page.ITEM, 1), (0, Page.THANKS, 0), (1, Page.HOME, 0)))
    assert after.intent[0] == pytest.approx(100.0 * np.log(2))


def test_time_wears_out_and_pages_annoy() -> None:
    after = EXPERIENCE.after(CALM, steps((0, Page.SALE, 0), (0, Page.HOME, 0), (1, Page.HOME, 0), minutes=1.0))
    assert after.patience.tolist() == pytest.approx([-3.0 * np.log(3), -3.0 * np.log(2)])
    assert after.annoyance.tolist() == pytest.approx([4.0 * np.log(2), 0.0])


@pytest.mark.parametrize("page", [Page.HOME, Page.SALE])
def test_a_promotion_that_comes_into_view_makes_thrifty_however_often(page: int) -> None:
    after = EXPERIENCE.after(CALM, steps((0, page, 0), (0, page, 0), (1, Page.ITEM, 0), dice=SCROLLS))
    assert after.price_sensitivity.tolist() == [2.0, 0.0]


def test_a_promotion_that_is_not_seen_leaves_its_visitor_as_before() -> None:
    after = EXPERIENCE.after(CALM, steps((0, Page.SALE, 0), (1, Page.HOME, 0), dice=SCROLLS_NOT))
    assert after.price_sensitivity.tolist() == [0.0, 0.0]


def test_who_has_seen_a_promotion_is_told_by_the_export() -> None:
    visits = Population(Shop(days=1, sessions_per_day=500)).visits_on(Shop.first_day)
    size = len(visits.sessions)
    after = EXPERIENCE.after(Latent(*np.zeros((4, size))), visits.steps)
    events = events_of(visits)
    told = np.bincount(events.session, events.is_one_of("view_promotion"), size) > 0
    assert 0.1 < told.mean() < 0.9
    assert (after.price_sensitivity > 0).tolist() == told.tolist()
