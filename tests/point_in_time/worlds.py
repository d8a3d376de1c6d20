"""Worlds for the small shop: visits at awkward times, told of late, twice, wrongly and corrected."""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from hypothesis import strategies as st

from tests.point_in_time.rows import OCCURRED
from tests.point_in_time.shop import FIRST_DAY, Event, Told, delivered_at, micros, midnight_after

DAYS = 4
MINUTE = 60_000_000
NAMES = sorted({*OCCURRED.values(), "session_start", "page_view", "popup_view", "popup_close", "popup_submit"})
# what features count more than once, or count from
OFTEN = ["page_view", "view_item", "add_to_cart", "purchase", "purchase", "popup_view"]
SOURCES = [("google", "organic"), ("google", "cpc"), ("(direct)", "(none)"), ("news", "email"), ("blog", None)]
ROUNDS = [delivered_at(FIRST_DAY + timedelta(days=day)) + timedelta(hours=3, minutes=37) for day in (1, DAYS - 1)]
"""When files are delivered again: while the third day goes on, and after all days."""


@dataclass(frozen=True)
class _Visit:
    day: int
    minute: int
    session_number: int | None
    has_session_id: bool
    device: str | None
    source: tuple[str | None, str | None]
    acts: list["_Act"]


@dataclass(frozen=True)
class _Act:
    name: str
    minutes_later: int
    fate: str
    at_round: int
    detail: int


_ACTS = st.builds(
    _Act,
    name=st.one_of(st.sampled_from(OFTEN), st.sampled_from(NAMES)),
    minutes_later=st.sampled_from([0, 1, 2, 4, 5, 29, 30]),
    fate=st.sampled_from(["told", "told", "told", "late", "doubled", "revised", "taken back", "moved"]),
    at_round=st.integers(0, len(ROUNDS) - 1),
    detail=st.integers(0, 7),
)
_VISITS = st.builds(
    _Visit,
    day=st.integers(0, DAYS - 1),
    # on each day at the same hours, and often before midnight
    minute=st.sampled_from([2, 600, 640, 1415, 1438, 1438]),
    session_number=st.sampled_from([None, 1, 2, 7]),
    has_session_id=st.booleans(),
    device=st.sampled_from([None, "(not set)", "mobile", "desktop"]),
    source=st.sampled_from([(None, None), *SOURCES]),
    acts=st.lists(_ACTS, min_size=1, max_size=6),
)


def worlds(users: int) -> st.SearchStrategy[list[Told]]:
    """What GA4 told of some users, each of whom is a small world."""
    visits = st.lists(_VISITS, min_size=1, max_size=4)
    return st.lists(visits, min_size=users, max_size=users).map(_told)


def _told(users: list[list[_Visit]]) -> list[Told]:
    told: list[Told] = []
    for user, visits in enumerate(users):
        for session_id, visit in enumerate(visits):
            at = micros(midnight_after(FIRST_DAY + timedelta(days=visit.day - 1))) + visit.minute * MINUTE + 7_000_000
            for act in visit.acts:
                at += act.minutes_later * MINUTE
                event = replace(
                    _event(len(told), at, visit, act),
                    user=f"u{user}",
                    session_id=session_id if visit.has_session_id else None,
                )
                if event.day < FIRST_DAY + timedelta(days=DAYS):
                    told.append(_fated(event, session_id, act.fate, ROUNDS[act.at_round]))
    return told


def _event(number: int, at: int, visit: _Visit, act: _Act) -> Event:
    """An event of a user who is yet to be named."""
    is_purchase = act.name == "purchase"
    source, medium = visit.source
    by_user = act.detail % 2 == 0
    return Event(
        number=number,
        user="",
        # which of two purchases of an instant repeats the other is nobody's business
        at=at + number * is_purchase,
        name=act.name,
        session_number=visit.session_number,
        engaged_msec=[None, 1200, 30_000, 250][act.detail % 4],
        transaction_id=[None, "(not set)", "t1", "t1"][act.detail % 4] if is_purchase else None,
        revenue=[5.0, 20.5, 49.9, None][act.detail // 2] if is_purchase else None,
        first_touch=at - 9 * 86_400_000_000 if act.detail == 3 else None,
        source=None if by_user else source,
        medium=None if by_user else medium,
        user_source=source if by_user else "first",
        user_medium=medium if by_user else "referral",
        category=visit.device,
        system=["Android", "Windows", "", None][act.detail % 4],
        browser=["Chrome", "<Other>"][act.detail % 2],
        country=["Poland", "(not set)", "Spain"][act.detail % 3],
        region="Mazovia" if act.detail else None,
        city=["Warsaw", "(data deleted)"][act.detail % 2],
    )


def _fated(event: Event, session_id: int, fate: str, at: datetime) -> Told:
    match fate:
        case "late":
            return Told(event, late_at=at)
        case "doubled":
            return Told(event, doubled_at=at)
        case "taken back":
            return Told(event, changed_at=at)
        case "moved":
            moved = replace(event, session_id=session_id if event.session_id is None else None)
            return Told(event, changed_at=at, again=moved)
        case "revised":
            name = NAMES[event.number % len(NAMES)]
            revised = replace(event, name=name, engaged_msec=77_000, country="France", revenue=99.5)
            return Told(event, changed_at=at, again=revised)
    return Told(event)
