"""The rows of the feature tables that follow from some events.

Written from the descriptions of the features, with loops over events, and with nothing of the platform in it.
"""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from tests.point_in_time.shop import Event, instant, local, micros, midnight_after

Features = dict[str, Any]

SECOND = 1_000_000
WORDS_FOR_NOTHING = ("", "(not set)", "(other)", "(data deleted)", "<Other>", "not available in demo dataset")
OCCURRED = {
    "has_engaged": "user_engagement",
    "has_scrolled": "scroll",
    "has_clicked_out": "click",
    "has_searched": "view_search_results",
    "has_viewed_promotion": "view_promotion",
    "has_selected_promotion": "select_promotion",
    "has_viewed_item_list": "view_item_list",
    "has_selected_item": "select_item",
    "has_viewed_item": "view_item",
    "has_added_to_wishlist": "add_to_wishlist",
    "has_added_to_cart": "add_to_cart",
    "has_removed_from_cart": "remove_from_cart",
    "has_viewed_cart": "view_cart",
    "has_begun_checkout": "begin_checkout",
    "has_added_payment_info": "add_payment_info",
    "has_purchased": "purchase",
    "has_signed_in": "login",
}
SINCE = {
    "seconds_since_start": "session_start",
    "seconds_since_item_view": "view_item",
    "seconds_since_cart": "add_to_cart",
}
COUNTED = {
    "page_views": "page_view",
    "item_views": "view_item",
    "add_to_carts": "add_to_cart",
    "checkouts": "begin_checkout",
}


@dataclass(frozen=True)
class Row:
    """What a user or session was at `at`, by the events `behind` it."""

    at: datetime
    features: Features
    behind: tuple[Event, ...] = ()


@dataclass(frozen=True)
class Tables:
    """Rows by user, and by session."""

    users: Mapping[str, Sequence[Row]]
    activity: Mapping[str, Sequence[Row]]
    profile: Mapping[str, Sequence[Row]]


def tables(told: Iterable[Event], last_day: date) -> Tables:
    """All rows that follow from some events, when `last_day` is the last day delivered."""
    events = sorted(set(told), key=lambda event: (event.at, event.number))
    sessions: dict[str, list[Event]] = {}
    for event in events:
        sessions.setdefault(session_key(event, events), []).append(event)
    return Tables(
        users={user: list(_user_rows(user, events, sessions, last_day)) for user in {event.user for event in events}},
        activity={key: list(_moments(of_session)) for key, of_session in sessions.items()},
        profile={key: [_profile(of_session)] for key, of_session in sessions.items()},
    )


def session_key(event: Event, events: Sequence[Event]) -> str:
    """By the session id, or by the first of the events that no half hour parts."""
    if event.session_id is not None:
        return f"{event.user}.{event.session_id}"
    first = event.at
    for other in reversed(events):
        if other.user == event.user and other.session_id is None and first - 1800 * SECOND < other.at < first:
            first = other.at
    return f"{event.user}.inferred-{first}"


def _moments(session: Sequence[Event]) -> Iterable[Row]:
    acts = [event for event in session if not event.name.startswith("popup_")]
    for number, act in enumerate(acts, start=1):
        if number % 2 == 0 or number == len(acts):
            so_far = [other for other in acts if other.at <= act.at]
            yield Row(instant(act.at), _activity(so_far, act.at), tuple(so_far))


def _activity(acts: Sequence[Event], now: int) -> Features:
    recent = [act for act in acts if now - act.at < 300 * SECOND]
    found: Features = {feature: any(act.name == name for act in acts) for feature, name in OCCURRED.items()}
    found["acts"] = len(acts)
    found["acts_5m"] = len(recent)
    found["page_views"] = sum(act.name == "page_view" for act in acts)
    found["item_views"] = sum(act.name == "view_item" for act in acts)
    found["item_views_5m"] = sum(act.name == "view_item" for act in recent)
    for feature, name in SINCE.items():
        times = [act.at for act in acts if act.name == name]
        found[feature] = (now - max(times)) / SECOND if times else None
    return found


def _profile(session: Sequence[Event]) -> Row:
    first = [event for event in session if event.at == session[0].at]
    start = local(first[0].at)
    source = _least(_said(event.source) or _said(event.user_source) for event in first)
    medium = _least(_said(event.medium) or _said(event.user_medium) for event in first)
    numbers = [event.session_number for event in first if event.session_number is not None]
    features = {
        "device_category": _least(_said(event.category) for event in first),
        "operating_system": _least(_said(event.system) for event in first),
        "browser": _least(_said(event.browser) for event in first),
        "country": _least(_said(event.country) for event in first),
        "region": _least(_said(event.region) for event in first),
        "city": _least(_said(event.city) for event in first),
        "channel": _channel(source, medium),
        "day_of_week": start.isoweekday(),
        "hour_of_day": start.hour,
        "session_number": max(numbers, default=None),
    }
    return Row(instant(first[0].at), features, tuple(first))


def _channel(source: str | None, medium: str | None) -> str | None:
    if source is None and medium is None:
        return None
    by_medium = {"cpc": "Paid Search", "email": "Email", "organic": "Organic Search", "referral": "Referral"}
    return by_medium.get(medium or "") or ("Direct" if source == "(direct)" or medium == "(none)" else "Other")


def _said(text: str | None) -> str | None:
    return None if text is None or text.strip() in WORDS_FOR_NOTHING else text.strip()


def _least(texts: Iterable[str | None]) -> str | None:
    return min((text for text in texts if text is not None), default=None)


def _user_rows(
    user: str, events: Sequence[Event], sessions: Mapping[str, Sequence[Event]], last_day: date
) -> Iterable[Row]:
    seen = [event for event in events if event.user == user]
    for number in range((last_day - seen[0].day).days + 1):
        day = seen[0].day + timedelta(days=number)
        window = [event for event in seen if event.day <= day < event.day + timedelta(days=28)]
        if window:
            yield Row(midnight_after(day), _user(window, seen, day, sessions))


def _user(
    window: Sequence[Event], seen: Sequence[Event], day: date, sessions: Mapping[str, Sequence[Event]]
) -> Features:
    def within(days: int, name: str | None = None) -> list[Event]:
        return [e for e in window if (day - e.day).days < days and (name is None or e.name == name)]

    def visits(days: int) -> int:
        """A session counts on each day on which it has an event."""
        return sum(len({e.day for e in session} & {e.day for e in within(days)}) for session in of_user)

    of_user = [session for session in sessions.values() if session[0].user == window[0].user]
    bought = [event for event in within(28, "purchase") if not _was_told_before(event, seen)]
    numbers = [event.session_number for event in window if event.session_number is not None]
    found: Features = {f"sessions_{days}d": visits(days) for days in (1, 7, 28)}
    for days in (7, 28):
        for counted, name in COUNTED.items():
            found[f"{counted}_{days}d"] = len(within(days, name))
        found[f"purchases_{days}d"] = len([event for event in bought if event in within(days)])
        found[f"engagement_seconds_{days}d"] = math.fsum((event.engaged_msec or 0) / 1000 for event in within(days))
    pages = len(within(28, "page_view"))
    first_seen = min(event.at if event.first_touch is None else event.first_touch for event in window)
    revenue = math.fsum(event.revenue or 0 for event in bought)
    return found | {
        "active_days_28d": len({event.day for event in window}),
        "searches_28d": len(within(28, "view_search_results")),
        "promotion_clicks_28d": len(within(28, "select_promotion")),
        "page_views_per_session_28d": pages / visits(28),
        "engagement_seconds_per_page_view_28d": found["engagement_seconds_28d"] / (pages + 5),
        "promotion_views_per_page_view_28d": len(within(28, "view_promotion")) / (pages + 5),
        "revenue_28d_usd": revenue,
        "average_order_value_28d_usd": revenue / len(bought) if bought else None,
        "engagement_decayed": math.fsum(
            (event.engaged_msec or 0) / 1000 * math.exp(-(day - event.day).days / 7) for event in window
        ),
        "popup_views_28d": len(within(28, "popup_view")),
        "popup_closes_28d": len(within(28, "popup_close")),
        "days_since_visit": min((day - event.day).days for event in window),
        "days_since_cart": min(((day - event.day).days for event in within(28, "add_to_cart")), default=None),
        "days_since_purchase": min(((day - event.day).days for event in bought), default=None),
        "days_since_first_visit": (micros(midnight_after(day)) - first_seen) / (86_400 * SECOND),
        "visits_so_far": max(numbers, default=None),
    }


def _was_told_before(purchase: Event, seen: Sequence[Event]) -> bool:
    """The same transaction, bought by the same user, told of an earlier time."""
    transaction = _said(purchase.transaction_id)
    return transaction is not None and any(
        event.name == "purchase" and _said(event.transaction_id) == transaction and event.at < purchase.at
        for event in seen
    )
