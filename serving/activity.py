"""What a visitor did in the live session, by the contract's own rules; the twin of the warehouse's SQL."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence

from feature_repo.contract import ActivityRule
from serving.clock import SECOND
from serving.requests import Event, Value

ANY_EVENT = "*"
OWN_EVENTS = "popup_"
FIVE_MINUTES = 300 * SECOND


def accumulate(rules: Mapping[str, ActivityRule], events: Iterable[Event], moment: int) -> dict[str, Value]:
    """The value of each named rule from the events up to `moment`, in microseconds UTC.

    What our own pop-ups caused is no activity of the visitor's.
    """
    times = _times(events, moment)
    return {name: _value(rule, times[rule.event], moment) for name, rule in rules.items()}


def as_of_last_act(rules: Mapping[str, ActivityRule], events: Iterable[Event], moment: int) -> dict[str, Value]:
    """The value of each named rule at the visitor's last act up to `moment`; at `moment` itself before any act.

    Models learnt from the warehouse's rows, which describe a session as of its acts.
    """
    times = _times(events, moment)
    last = max(times[ANY_EVENT], default=moment)
    return {name: _value(rule, times[rule.event], last) for name, rule in rules.items()}


def _times(events: Iterable[Event], moment: int) -> defaultdict[str, list[int]]:
    times: defaultdict[str, list[int]] = defaultdict(list)
    for event in events:
        if event.event_timestamp <= moment and not event.event_name.startswith(OWN_EVENTS):
            times[event.event_name].append(event.event_timestamp)
            times[ANY_EVENT].append(event.event_timestamp)
    return times


def _value(rule: ActivityRule, times: Sequence[int], moment: int) -> Value:
    match rule.aggregation:
        case "occurred":
            return bool(times)
        case "count":
            return len(times)
        case "count_5m":
            return sum(time > moment - FIVE_MINUTES for time in times)
        case "seconds_since":
            return (moment - max(times)) / SECOND if times else None
