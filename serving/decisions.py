"""A decision: look up, score, choose, put on record, and only then answer."""

import logging
import time
import uuid
from dataclasses import dataclass

import msgspec

from ml import policy
from ml.policy import Action, Choice, Reason
from serving.audit import AuditedDecision, AuditLog
from serving.champions import Champion, Champions
from serving.features import FeaturesUnavailableError, OnlineFeatures
from serving.problems import invalid
from serving.requests import DecideRequest
from serving.vector import FeatureVector, Freshness, assemble, check_profile, user_views

log = logging.getLogger(__name__)


class ModelVersion(msgspec.Struct, frozen=True):
    """The model that was asked; version and digest are null while it has no champion."""

    name: str
    version: str | None
    digest: str | None


class Decision(msgspec.Struct, frozen=True):
    """What to do with a visitor, and why; `stale` names feature views, and a fallback has no score."""

    decision_id: str
    action: Action
    reason: Reason
    score: float | None
    threshold: float | None
    action_probability: float
    model: ModelVersion
    features_missing: tuple[str, ...]
    stale: tuple[str, ...]
    fallback: bool


@dataclass(frozen=True)
class Outcome:
    """A choice with what it was made from; there is no score where none could be had."""

    vector: FeatureVector
    choice: Choice
    score: float | None = None
    threshold: float | None = None


class Decider:
    """Decides for visitors with the champions in memory, and puts each decision on record."""

    def __init__(self, champions: Champions, online: OnlineFeatures, audit: AuditLog) -> None:
        self.champions = champions
        self.online = online
        self.audit = audit

    def decide(self, client: str, request: DecideRequest) -> Decision:
        """The decision for `request`, already on record.

        Raises:
            RefusedError: a field of the request breaks a rule.
            AuditUnavailableError: the decision isn't on record, and so there is none.
        """
        if request.model not in self.champions.models:
            raise invalid("model", f"It is {request.model[:100]!r}; served are {', '.join(self.champions.models)}.")
        champion, decided_at = self.champions.of(request.model), time.time_ns() // 1000
        moment = decided_at if request.at is None else request.at
        outcome = self._outcome(champion, request, moment)
        audited = AuditedDecision(
            decision_id=str(uuid.uuid4()),
            decided_at=decided_at,
            client=client,
            user_pseudo_id=request.user_pseudo_id,
            moment=moment,
            request=request,
            features=outcome.vector.values,
            feature_status=outcome.vector.freshness,
            features_missing=outcome.vector.missing,
            score=outcome.score,
            threshold=outcome.threshold,
            action=outcome.choice.action,
            reason=outcome.choice.reason,
            action_probability=outcome.choice.action_probability,
            model=request.model,
            version=champion.version if champion else None,
            digest=champion.digest if champion else None,
        )
        self.audit.append([audited])
        return decision_of(audited)

    def _outcome(self, champion: Champion | None, request: DecideRequest, moment: int) -> Outcome:
        if champion is None:
            return Outcome(FeatureVector({}, (), {}), policy.fall_back(Reason.NO_CHAMPION))
        features, threshold = champion.bundle.features, champion.threshold
        check_profile(features, request.profile)
        try:
            rows = self.online.read(request.user_pseudo_id, user_views(features))
        except FeaturesUnavailableError as error:
            log.warning("%s", error)
            vector = assemble(features, request, {}, moment)
            return Outcome(vector, policy.fall_back(Reason.FEATURES_UNAVAILABLE), None, threshold)
        vector = assemble(features, request, rows, moment)
        score = float(champion.bundle.score_rows([vector.values])[0])
        return Outcome(vector, policy.decide(score, threshold), score, threshold)


def decision_of(audited: AuditedDecision) -> Decision:
    """The answer to a decision on record; it leaves the visitor's id out."""
    return Decision(
        decision_id=audited.decision_id,
        action=audited.action,
        reason=audited.reason,
        score=audited.score,
        threshold=audited.threshold,
        action_probability=audited.action_probability,
        model=ModelVersion(audited.model, audited.version, audited.digest),
        features_missing=tuple(audited.features_missing),
        stale=tuple(view for view, status in audited.feature_status.items() if status == Freshness.STALE),
        fallback=audited.score is None,
    )
