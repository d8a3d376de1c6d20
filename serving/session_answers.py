"""What clients are told of their live sessions."""

from typing import Annotated

from msgspec import Meta, Struct

from serving.answers import (
    AskedModel,
    ChosenAction,
    ChosenCampaign,
    ChosenChannel,
    ChosenReason,
    Decision,
    ModelVersion,
    Score,
    Threshold,
)
from serving.session_scores import MODEL
from serving.session_state import Flag


class RaisedFlag(Struct, frozen=True):
    """What a session's latest scoring said."""

    action: ChosenAction
    campaign: ChosenCampaign
    channel: ChosenChannel
    reason: ChosenReason
    score: Score
    threshold: Threshold
    model: AskedModel
    scored_at: Annotated[int, Meta(description="Microseconds since 1970, UTC.")]
    acts: Annotated[int, Meta(description="How many acts of the visitor's it was scored after.")]


class EventsTaken(Struct, frozen=True):
    """What came of events: how they were taken, and what they say of the session."""

    events_taken: Annotated[int, Meta(description="How many events were taken.")]
    events_retimed: Annotated[int, Meta(description="How many of them with the service's time instead of their own.")]
    acts: Annotated[
        int, Meta(description="How many acts of the visitor's the session has by now; the flag may tell of fewer.")
    ]
    scored: Annotated[bool, Meta(description="Whether these events had the session scored.")]
    flag: Annotated[RaisedFlag | None, Meta(description="The latest flag; null before the first scoring.")]
    decision: Annotated[
        Decision | None,
        Meta(description="There where the policy acts at once and the visitor is to be interrupted now."),
    ]


def raised(flag: Flag) -> RaisedFlag:
    """A flag as clients are told it: without the features."""
    said, version = flag.choice, ModelVersion(MODEL, flag.version, flag.digest)
    scored = flag.score, said.threshold(flag.threshold), version, flag.scored_at, flag.acts
    return RaisedFlag(said.action, said.campaign, said.channel, said.reason, *scored)
