"""Decisions: look up, score, choose, put on record, and only then answer."""

import os
import time
import uuid
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import msgspec

from ml import policy
from ml.policy import Action, Choice, Reason
from serving.audit import AuditedDecision, AuditLog
from serving.champions import Champion, Champions
from serving.features import FeaturesUnavailableError, OnlineFeatures
from serving.problems import RefusedError, invalid
from serving.requests import DecideRequest
from serving.vector import FeatureVector, Freshness


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


class Asked(msgspec.Struct, frozen=True):
    """A request, and the client whose it is."""

    client: str
    request: DecideRequest


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

    def decide(self, batch: Sequence[Asked]) -> list[Decision | RefusedError]:
        """For each of `batch` the decision, already on record, or why the request is refused.

        Each model's visitors are looked up and scored together, and all are put on record together.

        Raises:
            AuditUnavailableError: the decisions aren't on record, and so there are none.
        """
        decided_at = time.time_ns() // 1000
        served = {model: self.champions.of(model) for model in {asked.request.model for asked in batch}}
        refused: dict[int, RefusedError] = {}
        places: dict[str, list[int]] = {}
        for place, asked in enumerate(batch):
            try:
                self._check(asked.request, served)
                places.setdefault(asked.request.model, []).append(place)
            except RefusedError as refusal:
                refused[place] = refusal
        audited: dict[int, AuditedDecision] = {}
        for model, its_places in places.items():
            its_own = [batch[place] for place in its_places]
            audited |= zip(its_places, self._decide(served[model], its_own, decided_at), strict=True)
        self.audit.append(list(audited.values()))
        return [refused[place] if place in refused else decision_of(audited[place]) for place in range(len(batch))]

    def _check(self, request: DecideRequest, served: Mapping[str, Champion | None]) -> None:
        if request.model not in self.champions.models:
            raise invalid("model", f"It is {request.model[:100]!r}; served are {', '.join(self.champions.models)}.")
        if champion := served[request.model]:
            champion.assembler.check_profile(request.profile)

    def _decide(self, champion: Champion | None, asked: Sequence[Asked], decided_at: int) -> Iterator[AuditedDecision]:
        """The decisions of one model."""
        requests = [each.request for each in asked]
        moments = [decided_at if request.at is None else request.at for request in requests]
        outcomes = self._outcomes(champion, requests, moments)
        for decision_id, each, moment, outcome in zip(_ids(len(asked)), asked, moments, outcomes, strict=True):
            yield AuditedDecision(
                decision_id=decision_id,
                decided_at=decided_at,
                client=each.client,
                user_pseudo_id=each.request.user_pseudo_id,
                moment=moment,
                request=each.request,
                features=outcome.vector.values,
                feature_status=outcome.vector.freshness,
                features_missing=outcome.vector.missing,
                score=outcome.score,
                threshold=outcome.threshold,
                action=outcome.choice.action,
                reason=outcome.choice.reason,
                action_probability=outcome.choice.action_probability,
                model=each.request.model,
                version=champion.version if champion else None,
                digest=champion.digest if champion else None,
            )

    def _outcomes(
        self, champion: Champion | None, requests: Sequence[DecideRequest], moments: Sequence[int]
    ) -> list[Outcome]:
        if champion is None:
            return [Outcome(FeatureVector({}, (), {}), policy.fall_back(Reason.NO_CHAMPION))] * len(requests)
        assembler, threshold = champion.assembler, champion.threshold
        try:
            stored = self.online.read([request.user_pseudo_id for request in requests], assembler.views)
        except FeaturesUnavailableError:
            vectors = assembler.assemble(requests, {}, moments).vectors
            choice = policy.fall_back(Reason.FEATURES_UNAVAILABLE)
            return [Outcome(vector, choice, None, threshold) for vector in vectors]
        matrix = assembler.assemble(requests, stored, moments)
        scores = champion.bundle.score(matrix.columns).tolist()
        return [
            Outcome(vector, policy.decide(score, threshold), score, threshold)
            for vector, score in zip(matrix.vectors, scores, strict=True)
        ]


def _ids(count: int) -> list[str]:
    """Random UUIDs; each call of the system for random bytes lets other threads in, so there is one for all."""
    random = os.urandom(16 * count)
    return [str(uuid.UUID(bytes=random[start : start + 16], version=4)) for start in range(0, len(random), 16)]


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
