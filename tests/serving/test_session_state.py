"""A live session, as its events arrive: when it is scored, on what, and when it is left alone."""

from itertools import pairwise

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from feature_repo.contract import ActivityRule
from ml.policy import Action, Reason
from serving.activity import as_of_last_act
from serving.requests import Event, SessionEvents, Value
from serving.session_policies import POLICIES
from serving.session_state import MOST_EVENTS, Flag, Moment, Session, Taken, key_of

NOW = 1_772_000_000_000_000
SECOND = 1_000_000
HOUR, DAY = 3600 * SECOND, 24 * 3600 * SECOND
RULES = {"scrolls": ActivityRule("scroll", "count"), "since": ActivityRule("view_item", "seconds_since")}
SEQUENTIAL = POLICIES["sequential"]


def sent(*events: tuple[str, float]) -> SessionEvents:
    return SessionEvents("u", {}, tuple(Event(name, NOW + round(second * SECOND)) for name, second in events))


def take(session: Session, *events: tuple[str, float], now: int = NOW) -> Taken:
    return session.take(sent(*events), now, SEQUENTIAL, RULES)


def test_a_session_is_scored_on_what_was_so_at_the_act_that_is_due_and_not_on_what_follows_in_the_request() -> None:
    taken = take(Session(), ("view_item", -9), ("scroll", -6), ("scroll", -3))

    assert taken == Taken(3, 0, Moment("u", {}, {"scrolls": 1, "since": 3.0}, acts=2), acts=3)


def test_acts_of_one_microsecond_have_all_happened_at_its_moment() -> None:
    taken = take(Session(), ("scroll", -3), ("scroll", -1), ("scroll", -1))

    assert taken.moment == Moment("u", {}, {"scrolls": 3, "since": None}, acts=3)


def test_of_a_request_s_moments_the_last_is_scored_alone() -> None:
    taken = take(Session(), *[("scroll", -second) for second in range(9, 0, -1)])

    assert taken.moment is not None
    assert taken.moment.acts == 8


@given(st.lists(st.tuples(st.sampled_from(["scroll", "view_item", "popup_view"]), st.integers(-900, 0)), max_size=15))
def test_every_second_act_is_scored_as_the_whole_list_up_to_it_would_be(happened: list[tuple[str, int]]) -> None:
    session = Session()
    for place, event in enumerate(happened):
        taken = take(session, event)

        acts = sum(not name.startswith("popup_") for name, _ in happened[: place + 1])
        is_due = not event[0].startswith("popup_") and acts % 2 == 0
        assert (taken.moment is not None) == is_due
        if taken.moment:
            expected = as_of_last_act(RULES, sent(*happened[: place + 1]).events, NOW)
            assert (taken.moment.activity, taken.moment.acts) == (expected, acts)


@given(st.sets(st.integers(0, 1200), max_size=15), st.sets(st.integers(0, 15)))
def test_a_session_cut_into_any_requests_is_scored_last_on_the_same(seconds: set[int], cuts: set[int]) -> None:
    happened = [("scroll" if second % 3 else "view_item", -float(second)) for second in sorted(seconds, reverse=True)]
    whole, cut = Session(), Session()
    expected = take(whole, *happened).moment

    places = [0, *sorted(cuts), len(happened)]
    moments = [take(cut, *happened[begin:end]).moment for begin, end in pairwise(places)]

    assert [moment for moment in moments if moment][-1:] == ([expected] if expected else [])
    assert (cut.tally, cut.events) == (whole.tally, whole.events)


@pytest.mark.parametrize(
    ("off", "retimed"),
    [
        pytest.param(DAY, 2, id="R16-a-day-ahead"),
        pytest.param(-DAY, 2, id="R16-a-day-behind"),
        pytest.param(HOUR, 2, id="R16-a-wrong-zone"),
        pytest.param(60 * SECOND, 0, id="R16-as-far-ahead-as-allowed"),
        pytest.param(60 * SECOND + 1, 2, id="R16-just-too-far-ahead"),
        pytest.param(-HOUR // 2, 0, id="R16-as-far-behind-as-allowed"),
        pytest.param(-HOUR // 2 - 1, 2, id="R16-just-too-far-behind"),
    ],
)
def test_r16_events_with_an_impossible_time_are_taken_with_ours_and_flagged(off: int, retimed: int) -> None:
    session = Session()

    taken = session.take(SessionEvents("u", {}, (Event("scroll", NOW + off),) * 2), NOW, SEQUENTIAL, RULES)

    assert (taken.events, taken.retimed) == (2, retimed)
    assert session.acted_at == (NOW if retimed else NOW + off)
    assert taken.moment is not None


@given(st.lists(st.sampled_from([DAY, -DAY, -HOUR, SECOND, 5 * SECOND]), max_size=12))
def test_f25_whatever_our_clock_does_nothing_is_negative_and_every_second_act_is_scored(jumps: list[int]) -> None:
    session, now = Session(), NOW
    scored = 0
    for jump in jumps:
        now += jump
        taken = session.take(SessionEvents("u", {}, (Event("view_item", now),)), now, SEQUENTIAL, RULES)
        scored += taken.moment is not None
        values = session.tally.values({**RULES, "recent": ActivityRule("*", "count_5m")})
        assert values["since"] is not None
        assert float(values["since"]) >= 0
        assert values["recent"] is not None
        assert int(values["recent"]) >= 1
    assert scored == len(jumps) // 2


def test_a_session_of_as_many_events_as_the_warehouse_takes_is_scored_and_one_more_is_a_bot_s() -> None:
    session = Session()
    for _ in range(MOST_EVENTS // 500):
        taken = take(session, *[("scroll", -1)] * 500)
    assert (taken.events, taken.moment is None, session.is_bot) == (500, False, False)

    assert take(session, ("scroll", 0)) == Taken(0, 0, None, acts=0)
    assert session.flag is not None
    assert (session.flag.action, session.flag.reason) == (Action.NOTHING, Reason.TOO_MANY_EVENTS)
    session.raise_flag(Flag(NOW, 1000, Action.SHOW, Reason.ABOVE_THRESHOLD, 1.0))
    assert session.flag.action == Action.NOTHING


def test_a_session_that_was_decided_about_is_scored_no_more() -> None:
    session = Session(decision_id="d1")

    assert take(session, ("scroll", -2), ("scroll", -1)) == Taken(2, 0, None, acts=2)


def test_a_flag_that_comes_late_does_not_take_the_place_of_a_later_one() -> None:
    session = Session()
    for acts in (2, 6, 4):
        session.raise_flag(Flag(NOW, acts, Action.NOTHING, Reason.BELOW_THRESHOLD, 1.0))

    assert session.flag is not None
    assert session.flag.acts == 6


def test_what_is_known_of_a_session_stays_until_it_is_named_again() -> None:
    session = Session()
    told: list[dict[str, Value]] = [{"channel": "email", "visits": 1}, {}, {"visits": 2}]
    for profile in told:
        session.take(SessionEvents("u", profile), NOW, SEQUENTIAL, RULES)

    assert session.profile == {"channel": "email", "visits": 2}


def test_a_session_comes_back_as_it_was_written() -> None:
    session = Session()
    take(session, ("scroll", -2), ("view_item", -1))
    session.raise_flag(Flag(NOW, 2, Action.SHOW, Reason.ABOVE_THRESHOLD, 1.0, 0.625, 0.5, "3", "0" * 64, {"s": 1}))

    assert msgspec.msgpack.decode(msgspec.msgpack.encode(session), type=Session) == session


def test_a_session_s_key_is_of_its_client_and_tells_neither() -> None:
    assert key_of("shop", "1.2") != key_of("blog", "1.2")
    assert "shop" not in key_of("shop", "1.2")
