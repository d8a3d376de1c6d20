"""The GA4 events that page loads fire, as flat columns in the order in which they were sent."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from simulator.clock import SECOND
from simulator.columns import Columns, Flags, Ints, chance, first_of_run
from simulator.effects import Answer
from simulator.promotions import comes_into_view
from simulator.site import ACCOUNT_PAGES, CONTENT_PAGES, Page
from simulator.visits import NOT_ASKED, Sessions, Visits
from simulator.walk import Steps

NAMES = (
    "first_visit", "session_start", "page_view", "view_promotion", "view_item_list", "view_search_results", "view_item",
    "view_cart", "begin_checkout", "add_shipping_info", "add_payment_info", "purchase", "video_start", "form_start",
    "scroll", "add_to_wishlist", "add_to_cart", "remove_from_cart", "file_download", "sign_up", "login",
    "select_promotion", "select_item", "click", "popup_withheld", "popup_view", "popup_close", "popup_submit",
    "generate_lead", "popup_survey", "user_engagement",
)  # fmt: skip
"""All event names; of events of one instant the earlier in this list was sent first."""

NAME = {name: code for code, name in enumerate(NAMES)}

ON_LOAD = SECOND // 5
"""The delay of events that a page fires once its content stands."""


@dataclass(frozen=True)
class Events(Columns):
    """Events; `step` and `session` point into the visits that they belong to.

    `request` and `index` count from 1 the requests of a page load and the events within a request.
    """

    name: Ints
    step: Ints
    session: Ints
    at_us: Ints
    request: Ints
    index: Ints

    def is_one_of(self, *names: str) -> Flags:
        return np.isin(self.name, [NAME[name] for name in names])


@dataclass(frozen=True)
class Rates:
    """How often a page load that could fire an event does; half of the looks as long as `..._half_ms` do."""

    view_item_list: float = 0.0004
    repeated_shipping: float = 0.3
    scroll_half_ms: float = 13_000
    user_engagement_half_ms: float = 1_350
    select_item: float = 0.48
    select_promotion: float = 0.6
    add_to_wishlist: float = 0.01
    click: float = 0.012
    file_download: float = 0.02
    video_start: float = 0.15
    form_start: float = 0.1
    signs_in: float = 0.25


RATES = Rates()

Fired = tuple[str, Flags, Ints]
"""An event's name, the page loads that fire it, and the instant at which each page load would."""


def events_of(visits: Visits) -> Events:
    """Every event of the visits; those without consent send no more than the pings of an arrival."""
    sessions, steps = visits.sessions, visits.steps
    consents = (sessions.client > 0)[steps.session]
    fired = [*_on_arrival(sessions, steps)]
    fired += [
        (name, mask & consents, at_us)
        for name, mask, at_us in (*_on_load(steps), *_while_looking(steps), *_on_leaving(sessions, steps))
    ]
    rows = [np.flatnonzero(mask) for _, mask, _ in fired]
    name = np.repeat([NAME[name] for name, _, _ in fired], [len(step) for step in rows])
    step = np.concatenate(rows)
    at_us = np.concatenate([at_us[step] for step, (_, _, at_us) in zip(rows, fired, strict=True)])
    order = np.lexsort((name, at_us, step))
    return _numbered(name[order], step[order], at_us[order], steps)


def _numbered(name: Ints, step: Ints, at_us: Ints, steps: Steps) -> Events:
    opens_page = np.diff(step, prepend=-1) != 0
    opens_request = opens_page | (np.diff(at_us, prepend=0) != 0)
    request = np.cumsum(opens_request)
    return Events(
        name=name,
        step=step,
        session=steps.session[step],
        at_us=at_us,
        request=request - request[first_of_run(opens_page)] + 1,
        index=np.arange(len(name)) - first_of_run(opens_request) + 1,
    )


def _on_arrival(sessions: Sessions, steps: Steps) -> Iterator[Fired]:
    lands = steps.is_first
    yield "session_start", lands, steps.start_us
    yield "first_visit", lands & (sessions.number[steps.session] == 1), steps.start_us
    yield "page_view", np.full(len(steps), True), steps.start_us


def _on_load(steps: Steps) -> Iterator[Fired]:
    dice, page = steps.dice, steps.page
    loaded = steps.start_us + ON_LOAD
    shows_film = (page == Page.CONTENT) & (steps.subject == CONTENT_PAGES.index("workshop-film"))
    yield "view_promotion", comes_into_view(steps), loaded
    yield "view_item_list", (page == Page.CATEGORY) & (chance(dice, 2) < RATES.view_item_list), loaded
    yield "view_search_results", page == Page.SEARCH, loaded
    yield "view_item", page == Page.ITEM, loaded
    yield "view_cart", page == Page.CART, loaded
    yield "begin_checkout", page == Page.CHECKOUT, loaded
    yield "purchase", page == Page.THANKS, loaded
    yield "video_start", shows_film & (chance(dice, 3) < RATES.video_start), loaded


def _while_looking(steps: Steps) -> Iterator[Fired]:
    dice, page = steps.dice, steps.page
    look_us = steps.leave_us - steps.start_us
    midway = steps.start_us + ON_LOAD + look_us // 2
    scrolls = steps.engaged_ms / (steps.engaged_ms + RATES.scroll_half_ms)
    signs_in = (page == Page.ACCOUNT) & (chance(dice, 4) < RATES.signs_in)
    registers = steps.subject == ACCOUNT_PAGES.index("register")
    writes = (page == Page.CONTENT) & (steps.subject == CONTENT_PAGES.index("contact"))
    yield "scroll", chance(dice, 5) < scrolls, steps.start_us + ON_LOAD + look_us // 3
    yield "add_to_cart", steps.quantity > 0, midway
    yield "add_to_wishlist", (page == Page.ITEM) & (chance(dice, 6) < RATES.add_to_wishlist), midway
    yield "remove_from_cart", steps.removes, midway
    yield "form_start", (writes | (page == Page.ACCOUNT)) & (chance(dice, 7) < RATES.form_start), midway - 1
    yield "sign_up", signs_in & registers, midway
    yield "login", signs_in & ~registers, midway
    yield "file_download", (page == Page.CONTENT) & (chance(dice, 8) < RATES.file_download), midway
    yield "click", (page == Page.CONTENT) & (chance(dice, 9) < RATES.click), midway


def _on_leaving(sessions: Sessions, steps: Steps) -> Iterator[Fired]:
    dice, page = steps.dice, steps.page
    next_page = np.where(np.append(steps.is_first[1:], True), Page.LEAVE, np.append(page[1:], Page.LEAVE))
    # who is about to leave has clicked nothing; what comes after they stay is no click of before
    clicked = np.where(steps.at_exit, Page.LEAVE, next_page)
    lists_items = (page == Page.CATEGORY) | (page == Page.SALE) | (page == Page.SEARCH)
    selects_item = lists_items & (clicked == Page.ITEM) & (chance(dice, 10) < RATES.select_item)
    selects_promotion = (page == Page.HOME) & (clicked == Page.SALE) & (chance(dice, 11) < RATES.select_promotion)
    checks_out = page == Page.CHECKOUT
    checked_out = np.cumsum(checks_out) - checks_out
    is_first_checkout = checked_out == checked_out[first_of_run(steps.is_first)]
    ships = checks_out & (is_first_checkout | (chance(dice, 12) < RATES.repeated_shipping))
    just_before = steps.leave_us - 1
    yield "select_item", selects_item, just_before
    yield "select_promotion", selects_promotion, just_before
    yield "add_shipping_info", ships, just_before
    yield "add_payment_info", page == Page.PAYMENT, just_before
    answer = np.where(steps.at_exit, sessions.answer[steps.session], Answer.NOT_SHOWN)
    converts = steps.at_exit & sessions.has_converted[steps.session]
    is_asked = (next_page == Page.LEAVE) & (sessions.survey_answer[steps.session] != NOT_ASKED)
    answered_us = steps.leave_us + ((1 + 7 * chance(dice, 13)) * SECOND).astype(np.int64)
    yield "popup_withheld", steps.at_exit & (answer == Answer.NOT_SHOWN), steps.leave_us
    yield "popup_view", answer != Answer.NOT_SHOWN, steps.leave_us
    yield "popup_close", answer == Answer.CLOSED, answered_us
    yield "popup_submit", answer == Answer.SUBMITTED, answered_us
    # what is submitted in the pop-up is told by it; by itself, it is an act of the visitor's
    yield "generate_lead", converts & (answer == Answer.NOT_SHOWN), answered_us
    yield "popup_survey", is_asked, just_before
    engages = chance(dice, 14) < steps.engaged_ms / (steps.engaged_ms + RATES.user_engagement_half_ms)
    yield (
        "user_engagement",
        engages,
        np.where(answer == Answer.NOT_SHOWN, steps.leave_us, answered_us + ON_LOAD),
    )
