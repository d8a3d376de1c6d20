"""A live session: what is known of it, what was done in it, and what its latest scoring said."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import zip_longest

import msgspec

from feature_repo.contract import ActivityRule
from ml.campaigns import Offer
from ml.policy import Action, Choice, Reason
from serving.clock import is_possible
from serving.requests import Event, SessionEvents, Value
from serving.session_policies import SessionPolicy
from serving.session_tally import Tally

MOST_EVENTS = 1_000
"""Of a session; the warehouse takes one that has more for a bot's, and leaves it out."""


class Flag(msgspec.Struct, frozen=True):
    """What a scoring of a session said, with all that it was made from: `offer` was chosen among `offers`, if any.

    `scored_at` is in microseconds UTC; it tells of the session's first `acts` acts.
    """

    scored_at: int
    acts: int
    action: Action
    reason: Reason
    action_probability: float
    score: float | None = None
    threshold: float | None = None
    version: str | None = None
    digest: str | None = None
    features: Mapping[str, Value] = {}
    feature_status: Mapping[str, str] = {}
    features_missing: tuple[str, ...] = ()
    offer: Offer | None = None
    offers: tuple[Offer, ...] | None = None

    @property
    def choice(self) -> Choice:
        return Choice(self.action, self.reason, self.action_probability, self.offer)


@dataclass(frozen=True)
class Moment:
    """A session as it is to be scored: its activity after `acts` acts, by feature."""

    user_pseudo_id: str
    profile: Mapping[str, Value]
    activity: Mapping[str, Value]
    acts: int


@dataclass(frozen=True)
class Taken:
    """What came of a request's events: how many were taken, how many of these with our time, and what is to score.

    `acts` is how many the session has by now.
    """

    events: int
    retimed: int
    moment: Moment | None
    acts: int


class Session(msgspec.Struct):
    """A session as far as it has come; times are microseconds UTC. `decision_id` is that of its exit, once asked for.

    It changes as events arrive; `events` counts them all, our own pop-ups' with them.
    """

    user_pseudo_id: str | None = None
    profile: dict[str, Value] = {}
    tally: Tally = msgspec.field(default_factory=Tally)
    events: int = 0
    due_at: int | None = None
    flag: Flag | None = None
    decision_id: str | None = None

    @property
    def acts(self) -> int:
        return self.tally.count

    @property
    def began_at(self) -> int:
        return self.tally.first

    @property
    def acted_at(self) -> int:
        return self.tally.last

    @property
    def is_bot(self) -> bool:
        return self.events > MOST_EVENTS

    def take(self, sent: SessionEvents, now: int, policy: SessionPolicy, rules: Mapping[str, ActivityRule]) -> Taken:
        """Take in what a client sent at `now`; a session that has been decided about is scored no more."""
        self.user_pseudo_id = sent.user_pseudo_id
        self.profile.update(sent.profile)
        self.events += len(sent.events)
        if self.is_bot:
            self.tally = Tally()
            self.flag = Flag(now, 0, Action.NOTHING, Reason.TOO_MANY_EVENTS, 1.0)
            return Taken(0, 0, None, self.acts)
        events, retimed = on_our_clock(sent.events, now)
        moment = self._add(events, policy, rules)
        return Taken(len(events), retimed, None if self.decision_id else moment, self.acts)

    def _add(self, events: Sequence[Event], policy: SessionPolicy, rules: Mapping[str, ActivityRule]) -> Moment | None:
        """The last moment among `events`, in their order, at which the session is due to be scored, if any."""
        moment, is_due = None, False
        for event, following in zip_longest(events, events[1:]):
            if self.tally.add(event) and policy.is_due(self):
                self.due_at, is_due = self.acted_at, True
            # a moment is an instant: all acts of its microsecond have happened
            if is_due and (following is None or following.event_timestamp > event.event_timestamp):
                moment, is_due = self._moment(rules), False
        return moment

    def _moment(self, rules: Mapping[str, ActivityRule]) -> Moment:
        return Moment(self.user_pseudo_id or "", dict(self.profile), self.tally.values(rules), self.acts)

    def raise_flag(self, flag: Flag) -> None:
        """Keep `flag`, unless it tells of less than the one before it, or the session has been left alone."""
        if not self.is_bot and (self.flag is None or flag.acts >= self.flag.acts):
            self.flag = flag


def on_our_clock(events: Sequence[Event], now: int) -> tuple[list[Event], int]:
    """`events` in the order of their times, and how many got `now` for a time that a clock near ours can't have had."""
    ours = [event if is_possible(event.event_timestamp, now) else Event(event.event_name, now) for event in events]
    retimed = sum(event is not told for event, told in zip(ours, events, strict=True))
    return sorted(ours, key=lambda event: event.event_timestamp), retimed


def key_of(client: str, session: str) -> str:
    """The name under which a client's session is kept; it tells neither of the two."""
    return ":".join((_digest(client)[:16], _digest(f"{client}\0{session}")))


def owner_of(key: str) -> str:
    """What the keys of one client's sessions have in common."""
    return key.rpartition(":")[0]


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
