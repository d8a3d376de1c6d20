"""What comes after an exit whose visitor stays."""

from dataclasses import fields
from typing import Any

import numpy as np
import pytest

from simulator.clock import SECOND
from simulator.exits import PAUSE, going_on, marked
from simulator.latent import Latent
from simulator.site import Page
from simulator.walk import NEXT_PAGE, Behaviour, Steps

SESSIONS = 400


@pytest.fixture(scope="module")
def left() -> Steps:
    """Sessions of two pages that are left on the basket; every other one has something in it."""
    rows = 2 * SESSIONS
    columns: dict[str, Any] = {column.name: np.zeros(rows, dtype=np.int64) for column in fields(Steps)}
    columns["session"] = np.repeat(np.arange(SESSIONS), 2)
    columns["page"] = np.tile([Page.ITEM, Page.CART], SESSIONS)
    columns["quantity"] = np.where((columns["session"] % 2 == 0) & (columns["page"] == Page.ITEM), 1, 0)
    columns["start_us"] = np.tile([0, 20 * SECOND], SESSIONS)
    columns["leave_us"] = np.tile([20 * SECOND, 30 * SECOND], SESSIONS)
    columns["dice"] = np.zeros(rows, dtype=np.uint64)
    return marked(Steps(**columns), np.full(SESSIONS, True))


def gone_on(left: Steps, stays: np.ndarray) -> Steps:
    state = Latent(*np.zeros((4, SESSIONS)))
    return going_on(np.random.default_rng(3), Behaviour(), state, left, stays)


def test_who_leaves_opens_no_page_and_who_stays_does(left: Steps) -> None:
    stays = np.arange(SESSIONS) < 150
    pages = np.bincount(gone_on(left, stays).session)
    assert (pages[stays] > 2).all()
    assert (pages[~stays] == 2).all()


def test_who_stays_goes_on_from_the_page_with_the_basket(left: Steps) -> None:
    steps = gone_on(left, np.full(SESSIONS, True))
    third = np.flatnonzero(steps.is_first) + 2
    has_basket = np.arange(SESSIONS) % 2 == 0
    assert (NEXT_PAGE[Page.CART, steps.page[third]] > 0).all()
    assert (steps.page[third] == Page.CHECKOUT)[has_basket].mean() > 0.5
    assert not np.isin(steps.page[third], (Page.CART, Page.CHECKOUT))[~has_basket].any()
    assert set(steps.start_us[third]) == {30 * SECOND + PAUSE}
