"""The `event_params` of events."""

from collections.abc import Iterator

import numpy as np
import pyarrow as pa

from simulator.actions import ACTIONS
from simulator.baskets import COUPON
from simulator.clock import SECOND
from simulator.columns import Flags, Floats, chance
from simulator.commerce import Commerce
from simulator.events import NAMES, Events
from simulator.key_values import ABSENT, Decimal, Text, Whole
from simulator.nested import numbered
from simulator.popups import POLICIES
from simulator.site import CONTENT_PAGES, FIRST, LANDING_OFFSET, LOCATIONS, SEARCH_TERMS, TITLES
from simulator.stages import STAGES
from simulator.traffic import CHANNELS
from simulator.visits import Sessions, Visits

Parameter = Text | Whole | Decimal

CURRENCY = "USD"
ENGAGED_AFTER = 10 * SECOND
NUMERIC_SHARE = 0.07
"""Sessions of which the tag writes `session_engaged` as a number, and orders of which it writes a whole `value` so."""

SHARE_OF_LOOK = {
    "user_engagement": 1.0,
    "scroll": 0.4,
    "add_to_cart": 0.4,
    "select_item": 0.4,
}
"""The part of a page's attention that an event reports; other events report a few milliseconds."""

_REPORTED = np.array([SHARE_OF_LOOK.get(name, 0.0) for name in NAMES])
_REFERRERS = tuple(channel.referrer or "" for channel in CHANNELS)
_LINK_DOMAIN = "maps.example"


def parameters(visits: Visits, events: Events, commerce: Commerce) -> Iterator[Parameter]:
    """All keys, in the order in which an event lists those that it has."""
    yield from _page(visits, events)
    yield from _session(visits, events)
    yield from _source(visits, events)
    yield from _shopping(visits, events, commerce)
    yield from _content(visits, events)
    yield from _pop_up(visits, events)


def _page(visits: Visits, events: Events) -> Iterator[Parameter]:
    steps, sessions = visits.steps, visits.sessions
    page = np.array(FIRST)[steps.page] + steps.subject
    landing = steps.is_first
    channel = sessions.channel[steps.session]
    location = page + np.where(landing, np.array(LANDING_OFFSET)[channel], 0)
    came_from = np.append(ABSENT, location[:-1])
    has_referrer = np.array([referrer != "" for referrer in _REFERRERS])
    outside = np.where(has_referrer[channel], len(LOCATIONS) + channel, ABSENT)
    referrer = np.where(landing, outside, came_from)
    yield Text("page_location", location[events.step], pa.array(LOCATIONS))
    yield Text("page_title", page[events.step], pa.array(TITLES))
    yield Text("page_referrer", referrer[events.step], pa.array(LOCATIONS + _REFERRERS))
    yield _flag("entrances", landing[events.step] & events.is_one_of("page_view"))


def _session(visits: Visits, events: Events) -> Iterator[Parameter]:
    steps, sessions = visits.steps, visits.sessions
    identified = sessions.client[events.session] > 0
    engaged = ~steps.is_first[events.step] | (events.at_us - sessions.start_us[events.session] > ENGAGED_AFTER)
    is_number = chance(sessions.dice[events.session], 40) < NUMERIC_SHARE
    yield Whole("ga_session_id", identified, sessions.start_us[events.session] // SECOND)
    yield Whole("ga_session_number", identified, sessions.number[events.session])
    yield Text("session_engaged", np.where(is_number, ABSENT, engaged.astype(np.int64)), pa.array(["0", "1"]))
    yield Whole("session_engaged", is_number, engaged.astype(np.int64))
    yield _flag("engaged_session_event", engaged)
    yield _engagement_time(visits, events)


def _engagement_time(visits: Visits, events: Events) -> Whole:
    dice = visits.steps.dice[events.step] + events.name.astype(np.uint64)
    present = ~events.is_one_of("session_start", "first_visit") & (chance(dice, 41) < 0.9)
    present &= ~events.is_one_of("page_view") | (chance(dice, 42) < 0.15)
    looked = _REPORTED[events.name] * visits.steps.engaged_ms[events.step]
    milliseconds = np.where(looked > 0, looked, 2 + 200 * chance(dice, 43) ** 3)
    return Whole("engagement_time_msec", present | events.is_one_of("user_engagement"), milliseconds.astype(np.int64))


def _source(visits: Visits, events: Events) -> Iterator[Parameter]:
    channel = visits.sessions.channel[events.session]
    is_sent = np.array([c.medium not in ("(none)", "(not set)") for c in CHANNELS])[channel]
    is_sent &= visits.steps.is_first[events.step] & events.is_one_of("page_view", "session_start")
    sent = np.where(is_sent, channel, ABSENT)
    yield Text("source", sent, pa.array([c.source for c in CHANNELS]))
    yield Text("medium", sent, pa.array([c.medium for c in CHANNELS]))
    yield Text("campaign", sent, pa.array([c.campaign for c in CHANNELS]))


def _shopping(visits: Visits, events: Events, commerce: Commerce) -> Iterator[Parameter]:
    dice = visits.steps.dice[events.step]
    is_whole = commerce.is_purchase & (commerce.value % 1 == 0)
    yield _constant("currency", commerce.has_value, CURRENCY)
    yield Whole("value", is_whole, commerce.value.astype(np.int64))
    yield Decimal("value", commerce.has_value & ~is_whole, commerce.value)
    order = np.where(commerce.is_purchase, np.arange(len(events)), ABSENT)
    yield Text("transaction_id", order, commerce.transaction_ids())
    yield _constant("coupon", commerce.has_coupon, COUPON)
    yield _choice("shipping_tier", events.is_one_of("add_shipping_info"), chance(dice, 44), "standard", "express")
    yield _choice("payment_type", events.is_one_of("add_payment_info"), chance(dice, 45), "card", "wallet", "transfer")


def _content(visits: Visits, events: Events) -> Iterator[Parameter]:
    steps = visits.steps
    dice, subject = steps.dice[events.step], steps.subject[events.step]
    searches, clicks = events.is_one_of("view_search_results"), events.is_one_of("click")
    downloads, films = events.is_one_of("file_download"), events.is_one_of("video_start")
    yield Whole("percent_scrolled", events.is_one_of("scroll"), np.full(len(events), 90))
    yield Text("search_term", np.where(searches, subject, ABSENT), pa.array(SEARCH_TERMS))
    yield _choice("method", events.is_one_of("login", "sign_up"), chance(dice, 46), "password", "google")
    yield _constant("link_url", clicks, f"https://{_LINK_DOMAIN}/fernhill")
    yield _constant("link_domain", clicks, _LINK_DOMAIN)
    yield _constant("outbound", clicks, "true")
    yield Text("file_name", np.where(downloads, subject, ABSENT), pa.array([f"{page}.pdf" for page in CONTENT_PAGES]))
    yield _constant("file_extension", downloads, "pdf")
    yield _constant("video_title", films, "A day in the workshop")
    yield _constant("form_id", events.is_one_of("form_start"), "main-form")


def _pop_up(visits: Visits, events: Events) -> Iterator[Parameter]:
    sessions, session = visits.sessions, events.session
    decided = events.is_one_of("popup_withheld", "popup_view", "popup_close", "popup_submit")
    is_offer = np.array([action.is_offer for action in ACTIONS])[sessions.action]
    yield Text("decision_id", np.where(decided, session, ABSENT), decision_ids(sessions))
    yield Text("policy", np.where(decided, sessions.policy[session], ABSENT), pa.array([p.name for p in POLICIES]))
    yield Decimal("propensity", decided, sessions.propensity[session])
    offers = decided & is_offer[session]
    offer = np.where(offers, sessions.action[session], ABSENT)
    yield Text("offer", offer, pa.array([action.name for action in ACTIONS]))
    yield Decimal("offer_amount", offers, np.array([action.amount for action in ACTIONS])[sessions.action[session]])
    stage = np.where(events.is_one_of("popup_survey"), sessions.survey_answer[session], ABSENT)
    yield Text("survey_answer", stage, pa.array(STAGES))


def decision_ids(sessions: Sessions) -> pa.StringArray:
    """The names of the decisions at the exits of sessions."""
    return numbered("d", (chance(sessions.dice, 47) * 2**53).astype(np.int64))


def _flag(key: str, present: Flags) -> Whole:
    return Whole(key, present, np.ones(len(present), dtype=np.int64))


def _constant(key: str, present: Flags, text: str) -> Text:
    return Text(key, np.where(present, 0, ABSENT), pa.array([text]))


def _choice(key: str, present: Flags, uniform: Floats, *texts: str) -> Text:
    return Text(key, np.where(present, (uniform * len(texts)).astype(np.int64), ABSENT), pa.array(texts))
