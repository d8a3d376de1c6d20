"""The tally of a live session: the same as the whole list of its events, however these arrive."""

from typing import get_args

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st

from feature_repo.contract import ActivityRule, Aggregation
from serving.activity import as_of_last_act
from serving.requests import Event
from serving.session_tally import Tally

MOMENT = 1_772_000_000_000_000
SECOND = 1_000_000
RULES = {
    f"{event}:{aggregation}": ActivityRule(event, aggregation)
    for event in ("scroll", "add_to_cart", "purchase", "*")
    for aggregation in get_args(Aggregation)
}
# before and behind each edge of five minutes, to the microsecond
OFFSETS = st.integers(0, 900 * SECOND) | st.sampled_from([0, 1, 300 * SECOND - 1, 300 * SECOND, 300 * SECOND + 1])
EVENTS = st.lists(
    st.builds(
        lambda name, offset: Event(name, MOMENT - offset),
        st.sampled_from(["scroll", "add_to_cart", "popup_view"]),
        OFFSETS,
    ),
    max_size=20,
)


def tallied(events: list[Event]) -> Tally:
    tally = Tally()
    for event in events:
        tally.add(event)
    return tally


@given(EVENTS)
def test_a_tally_says_what_the_whole_list_says_as_of_the_last_act_in_any_order(events: list[Event]) -> None:
    assert tallied(events).values(RULES) == as_of_last_act(RULES, events, MOMENT)


@settings(max_examples=50)
@given(EVENTS, st.integers(0, 20))
def test_a_tally_that_was_written_down_in_between_goes_on_as_if_it_had_not_been(events: list[Event], at: int) -> None:
    written = msgspec.msgpack.encode(tallied(events[:at]))
    tally = msgspec.msgpack.decode(written, type=Tally)
    for event in events[at:]:
        tally.add(event)

    assert tally == tallied(events)


@given(EVENTS)
def test_a_tally_keeps_no_more_times_than_five_minutes_hold(events: list[Event]) -> None:
    tally = tallied(sorted(events, key=lambda event: event.event_timestamp))

    everything = tally.by_name.get("*")
    assert everything is None or everything.recent[0] > tally.last - 300 * SECOND


def test_our_own_pop_ups_are_no_acts() -> None:
    assert [Tally().add(Event(name, MOMENT)) for name in ("popup_view", "scroll")] == [False, True]
