"""What a visitor did, tallied as it arrives; it says what `activity` says of the whole list of a session's events."""

from bisect import bisect_right, insort
from collections.abc import Mapping

import msgspec

from feature_repo.contract import ActivityRule
from serving.activity import ANY_EVENT, FIVE_MINUTES, OWN_EVENTS
from serving.clock import SECOND
from serving.requests import Event, Value


class Acts(msgspec.Struct):
    """The acts of one name: how many, when the last was, and, in order, those that may lie in its five minutes."""

    count: int = 0
    last: int = 0
    recent: list[int] = []


_NONE = Acts()


class Tally(msgspec.Struct):
    """The acts of a session by name, those of any name with them; times are microseconds UTC.

    Acts may arrive in any order. What our own pop-ups caused is no act of the visitor's.
    """

    by_name: dict[str, Acts] = {}
    first: int = 0
    last: int = 0

    @property
    def count(self) -> int:
        return self.by_name.get(ANY_EVENT, _NONE).count

    def add(self, event: Event) -> bool:
        """Take an event in; says whether it was an act."""
        if event.event_name.startswith(OWN_EVENTS):
            return False
        time = event.event_timestamp
        self.first = min(self.first, time) if self.by_name else time
        self.last = max(self.last, time)
        for name in (event.event_name, ANY_EVENT):
            acts = self.by_name.setdefault(name, Acts())
            acts.count += 1
            acts.last = max(acts.last, time)
            insort(acts.recent, time)
            # the last act only moves on: what has left its five minutes never comes back
            del acts.recent[: self._recent_from(acts)]
        return True

    def values(self, rules: Mapping[str, ActivityRule]) -> dict[str, Value]:
        """The value of each named rule as of the last act."""
        return {name: self._value(rule) for name, rule in rules.items()}

    def _value(self, rule: ActivityRule) -> Value:
        acts = self.by_name.get(rule.event, _NONE)
        match rule.aggregation:
            case "occurred":
                return acts.count > 0
            case "count":
                return acts.count
            case "count_5m":
                return len(acts.recent) - self._recent_from(acts)
            case "seconds_since":
                return (self.last - acts.last) / SECOND if acts.count else None

    def _recent_from(self, acts: Acts) -> int:
        return bisect_right(acts.recent, self.last - FIVE_MINUTES)
