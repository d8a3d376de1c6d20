"""Activity features: what happened up to the moment, by rule."""

from typing import get_args

import duckdb
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from feature_repo.contract import ActivityRule, Aggregation
from serving.activity import accumulate, as_of_last_act
from serving.requests import Event

MOMENT = 1_772_000_000_000_000
SECOND = 1_000_000
NAMES = ("scroll", "add_to_cart", "popup_view")
RULES = {
    f"{event}:{aggregation}": ActivityRule(event, aggregation)
    for event in ("scroll", "add_to_cart", "purchase", "*")
    for aggregation in get_args(Aggregation)
}


def events(*seconds_ago: float, name: str = "scroll") -> list[Event]:
    return [Event(name, MOMENT - round(ago * SECOND)) for ago in seconds_ago]


def value(aggregation: Aggregation, happened: list[Event], event: str = "scroll") -> object:
    return accumulate({"it": ActivityRule(event, aggregation)}, happened, MOMENT)["it"]


@pytest.mark.parametrize(
    ("aggregation", "expected"), [("occurred", False), ("count", 0), ("count_5m", 0), ("seconds_since", None)]
)
def test_before_any_event(aggregation: Aggregation, expected: object) -> None:
    assert value(aggregation, []) is expected


def test_five_minutes_ago_to_the_microsecond_is_outside_the_window() -> None:
    assert value("count_5m", events(300)) == 0
    assert value("count_5m", events(299.999999)) == 1


def test_the_moment_itself_is_inside_and_what_follows_is_not() -> None:
    assert value("count", events(0, -0.000001)) == 1


def test_seconds_since_counts_from_the_latest_event_whatever_their_order() -> None:
    assert value("seconds_since", events(2.5, 90)) == 2.5


def test_our_own_pop_ups_are_no_activity() -> None:
    assert value("count", events(1, name="popup_view"), event="*") == 0


def test_the_last_act_is_the_visitor_s_and_not_our_pop_up_s() -> None:
    happened = [*events(90, 30), *events(5, name="popup_view"), *events(-1)]
    rules = {"since": ActivityRule("scroll", "seconds_since"), "first": ActivityRule("add_to_cart", "count")}

    assert as_of_last_act(rules, [*happened, *events(80, name="add_to_cart")], MOMENT) == {"since": 0.0, "first": 1}
    assert as_of_last_act(rules, [*events(90), *events(30, name="add_to_cart")], MOMENT) == {"since": 60.0, "first": 1}
    assert as_of_last_act(rules, [], MOMENT) == {"since": None, "first": 0}


@given(
    st.lists(
        st.builds(
            lambda name, offset: Event(name, MOMENT + offset),
            st.sampled_from(["scroll", "popup_view"]),
            st.integers(-600 * SECOND, 60 * SECOND),
        ),
        max_size=6,
    )
)
def test_as_of_the_last_act_is_what_was_so_at_its_moment(happened: list[Event]) -> None:
    acts = [event.event_timestamp for event in happened if event.event_name == "scroll"]
    last = max((time for time in acts if time <= MOMENT), default=MOMENT)

    assert as_of_last_act(RULES, happened, MOMENT) == accumulate(RULES, happened, last)


ORACLE = """
select
    count(*) > 0,
    count(*),
    count(*) filter (event_timestamp > {moment} - 300000000),
    ({moment} - max(event_timestamp)) / 1000000
from (select unnest($names) as event_name, unnest($times) as event_timestamp)
where event_timestamp <= {moment} and not starts_with(event_name, 'popup_') and ($event in ('*', event_name))
"""
OFFSETS = st.integers(-600 * SECOND, 60 * SECOND) | st.sampled_from([-300 * SECOND, -300 * SECOND + 1, 0, 1])
HAPPENED = st.lists(
    st.builds(lambda name, offset: Event(name, MOMENT + offset), st.sampled_from(NAMES), OFFSETS), max_size=12
)


@settings(max_examples=60, deadline=None)
@given(HAPPENED)
def test_the_warehouse_would_say_the_same(happened: list[Event]) -> None:
    names, times = [event.event_name for event in happened], [event.event_timestamp for event in happened]
    expected: dict[str, object] = {}
    with duckdb.connect() as warehouse:
        for event in ("scroll", "add_to_cart", "purchase", "*"):
            asked = {"names": names, "times": times, "event": event}
            row = warehouse.execute(ORACLE.format(moment=MOMENT), asked).fetchone()
            assert row is not None
            expected |= dict(zip((f"{event}:{aggregation}" for aggregation in get_args(Aggregation)), row, strict=True))
    assert accumulate(RULES, happened, MOMENT) == expected
