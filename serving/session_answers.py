"""What clients are told of their live sessions."""

import msgspec

from ml.campaigns import Channel
from ml.policy import Action, Reason
from serving.decisions import Decision, ModelVersion
from serving.session_scores import MODEL
from serving.session_state import Flag


class RaisedFlag(msgspec.Struct, frozen=True):
    """What a session's latest scoring said: `scored_at` in microseconds UTC, after `acts` acts of the visitor's."""

    action: Action
    campaign: str | None
    channel: Channel | None
    reason: Reason
    score: float | None
    threshold: float | None
    model: ModelVersion
    scored_at: int
    acts: int


class EventsTaken(msgspec.Struct, frozen=True):
    """How many events were taken, how many of them with the service's time, whether the session was scored, its flag.

    `decision` is there where the client's policy acts at once and the visitor is to be interrupted now.
    """

    events_taken: int
    events_retimed: int
    scored: bool
    flag: RaisedFlag | None
    decision: Decision | None


def raised(flag: Flag) -> RaisedFlag:
    """A flag as clients are told it: without the features."""
    said, version = flag.choice, ModelVersion(MODEL, flag.version, flag.digest)
    scored = flag.score, said.threshold(flag.threshold), version, flag.scored_at, flag.acts
    return RaisedFlag(said.action, said.campaign, said.channel, said.reason, *scored)
