"""What clients are told of a decision."""

from typing import Annotated

from msgspec import Meta, Struct

from ml.campaigns import Channel
from ml.policy import Action, Reason
from serving.audit import AuditedDecision
from serving.vector import Freshness

DecisionId = Annotated[str, Meta(description="By which the decision is read again and rewards are told of it.")]
ChosenAction = Annotated[Action, Meta(description="`show` to interrupt the visitor, `nothing` to leave them alone.")]
ChosenCampaign = Annotated[
    str | None,
    Meta(description="Which campaign to show; null is the one pop-up of a client without campaigns, or nothing."),
]
ChosenChannel = Annotated[Channel | None, Meta(description="How to show it; null where nothing is shown.")]
ChosenReason = Annotated[Reason, Meta(description="Why this action was chosen.")]
Score = Annotated[float | None, Meta(description="The model's probability, from 0 to 1; null where none could be had.")]
Threshold = Annotated[
    float | None,
    Meta(description="The score from which what is shown is shown; where nothing is, the lowest that would have."),
]


class ModelVersion(Struct, frozen=True):
    """The model that was asked; version and digest are null while it has no champion."""

    name: Annotated[str, Meta(description="As `model` of the request.")]
    version: Annotated[str | None, Meta(description="The champion's version in the registry.")]
    digest: Annotated[str | None, Meta(description="The SHA-256 of that version's bundle.")]


AskedModel = Annotated[ModelVersion, Meta(description="The model and the version of it that scored.")]


class Decision(Struct, frozen=True):
    """What to do with a visitor, and why."""

    decision_id: DecisionId
    action: ChosenAction
    campaign: ChosenCampaign
    channel: ChosenChannel
    reason: ChosenReason
    score: Score
    threshold: Threshold
    action_probability: Annotated[
        float, Meta(description="With which this action is chosen: 1 but where exploration draws.")
    ]
    model: AskedModel
    features_missing: Annotated[
        tuple[str, ...], Meta(description="Features of the model that had no value, in the profile or in the store.")
    ]
    stale: Annotated[
        tuple[str, ...], Meta(description="Feature views whose row of this visitor was too old to be used.")
    ]
    fallback: Annotated[bool, Meta(description="Whether it was decided without a score.")]


def decision_of(audited: AuditedDecision) -> Decision:
    """The answer to a decision on record; it leaves the visitor's id out."""
    return Decision(
        decision_id=audited.decision_id,
        action=audited.action,
        campaign=audited.campaign,
        channel=audited.channel,
        reason=audited.reason,
        score=audited.score,
        threshold=audited.threshold,
        action_probability=audited.action_probability,
        model=ModelVersion(audited.model, audited.version, audited.digest),
        features_missing=tuple(audited.features_missing),
        stale=tuple(view for view, status in audited.feature_status.items() if status == Freshness.STALE),
        fallback=audited.score is None,
    )
