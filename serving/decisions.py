"""Decisions: look up, score, choose, put on record, and only then answer."""

import time
from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from typing import Self

import msgspec

from ml import policy
from ml.campaigns import Offer
from ml.policy import Choice, Reason
from serving.activity import as_of_last_act
from serving.answers import Decision, decision_of
from serving.audit import AuditedDecision, AuditLog
from serving.champions import Champions, Served
from serving.client_rules import ClientRules
from serving.features import FeaturesUnavailableError, OnlineFeatures
from serving.ids import decision_ids
from serving.problems import RefusedError, invalid
from serving.requests import DecideRequest, Value
from serving.shadow import Pending, Shadow
from serving.traffic import Traffic
from serving.vector import FeatureVector


class Asked(msgspec.Struct, frozen=True):
    """A request, the client whose it is, and the id of its decision where that is settled beforehand."""

    client: str
    request: DecideRequest
    decision_id: str | None = None


class Outcome(msgspec.Struct, frozen=True):
    """A choice with what it was made from; there is no score where none could be had.

    `offers` is what it was chosen among; None is the pop-up of no campaign alone.
    """

    vector: FeatureVector
    choice: Choice
    score: float | None = None
    threshold: float | None = None
    offers: tuple[Offer, ...] | None = None

    def knowing(self, activity: Mapping[str, Value]) -> Self:
        """The same with more that is known of the session, put on record with the features."""
        vector = msgspec.structs.replace(self.vector, values={**self.vector.values, **activity})
        return msgspec.structs.replace(self, vector=vector)

    def among(self, offers: Sequence[Offer], score: float) -> Self:
        """What `score` chooses of `offers`; the threshold is the lowest of theirs, which is that of doing nothing."""
        threshold = min([offer.threshold for offer in offers], default=self.threshold)
        choice = policy.choose(offers, score)
        return msgspec.structs.replace(self, choice=choice, threshold=threshold, offers=tuple(offers))


class Decider:
    """Decides for visitors with the versions in memory, and puts each decision on record."""

    def __init__(
        self,
        champions: Champions,
        online: OnlineFeatures,
        audit: AuditLog,
        traffic: Traffic | None = None,
        rules: ClientRules | None = None,
    ) -> None:
        self.champions = champions
        self.online = online
        self.audit = audit
        self.traffic = traffic or Traffic()
        self.rules = rules or ClientRules(audit)
        self.shadow = Shadow(self.traffic.shadow_share)

    def close(self) -> None:
        """Let go of what scores beside the champions; nothing can be decided afterwards."""
        self.shadow.close()

    def decide(self, batch: Sequence[Asked]) -> list[Decision | RefusedError]:
        """For each of `batch` the decision, already on record, or why the request is refused.

        Each version's visitors are looked up and scored together, and all are put on record together.

        Raises:
            AuditUnavailableError: the decisions aren't on record, and so there are none.
        """
        decided_at = time.time_ns() // 1000
        served = {model: self.champions.served(model) for model in {asked.request.model for asked in batch}}
        refused: dict[int, RefusedError] = {}
        places: dict[tuple[str, bool], list[int]] = {}
        for place, asked in enumerate(batch):
            model = asked.request.model
            try:
                self.rules.check(asked.client, asked.request)
                is_tried = self._check(asked, served[model])
                places.setdefault((model, is_tried), []).append(place)
            except RefusedError as refusal:
                refused[place] = refusal
        audited: dict[int, AuditedDecision] = {}
        shadows: list[Pending] = []
        with self.rules.counting():
            for (model, is_tried), its_places in places.items():
                its_own = [batch[place] for place in its_places]
                versions = Served(served[model].challenger, None) if is_tried else served[model]
                audited |= zip(its_places, self._decide(versions, its_own, decided_at, shadows), strict=True)
            self.audit.append(list(audited.values()), [score for pending in shadows for score in pending()])
        return [refused[place] if place in refused else decision_of(audited[place]) for place in range(len(batch))]

    def _check(self, asked: Asked, served: Served) -> bool:
        """Refuse what can't be decided; whether it is the challenger that decides what can."""
        model = asked.request.model
        if model not in self.champions.models:
            raise invalid("model", f"It is {model[:100]!r}; served are {', '.join(self.champions.models)}.")
        is_tried = self.traffic.is_tried(asked.client, asked.request.user_pseudo_id, served)
        if decides := served.challenger if is_tried else served.champion:
            decides.assembler.check_profile(asked.request.profile)
        return is_tried

    def _decide(
        self, served: Served, asked: Sequence[Asked], decided_at: int, shadows: list[Pending]
    ) -> Iterator[AuditedDecision]:
        """The decisions of one version; what is begun beside them is added to `shadows`."""
        champion = served.champion
        requests = [each.request for each in asked]
        moments = [decided_at if request.at is None else request.at for request in requests]
        ids = [each.decision_id or new for each, new in zip(asked, decision_ids(len(asked)), strict=True)]
        outcomes = self._outcomes(served, requests, moments, ids, shadows)
        for decision_id, each, moment, found in zip(ids, asked, moments, outcomes, strict=True):
            outcome = self._of_client(found, each, moment)
            drawn = outcome.score, each.client, decision_id, outcome.offers
            explored, rest = self.traffic.explored(outcome.choice, *drawn), partial(self.traffic.rest, *drawn)
            choice = self.rules.hold(each.client, each.request.user_pseudo_id, explored, decided_at, rest)
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
                threshold=choice.threshold(outcome.threshold),
                action=choice.action,
                reason=choice.reason,
                action_probability=choice.action_probability,
                model=each.request.model,
                version=champion.version if champion else None,
                digest=champion.digest if champion else None,
                campaign=choice.campaign,
                channel=choice.channel,
            )

    def _of_client(self, outcome: Outcome, asked: Asked, moment: int) -> Outcome:
        """`outcome`, chosen by the client's own threshold and campaigns where it has some."""
        client, model, score = asked.client, asked.request.model, outcome.score
        settings = self.rules.of(client)
        if score is None or outcome.threshold is None or not (settings.thresholds or settings.campaigns):
            return outcome
        threshold = settings.thresholds.get(model, outcome.threshold)
        if threshold != outcome.threshold:
            outcome = msgspec.structs.replace(outcome, choice=policy.decide(score, threshold), threshold=threshold)
        if settings.activity:
            outcome = outcome.knowing(as_of_last_act(settings.activity, asked.request.events, moment))
        offers = self.rules.offers(client, model, asked.request.campaign, outcome.vector.values, threshold)
        return outcome if offers is None else outcome.among(offers, score)

    def _outcomes(
        self,
        served: Served,
        requests: Sequence[DecideRequest],
        moments: Sequence[int],
        ids: Sequence[str],
        shadows: list[Pending],
    ) -> list[Outcome]:
        champion = served.champion
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
        if served.challenger is not None:
            shadows.append(self.shadow.begin(served.challenger, champion, matrix.columns, ids))
        scores = champion.bundle.score(matrix.columns).tolist()
        return [
            Outcome(vector, policy.decide(score, threshold), score, threshold)
            for vector, score in zip(matrix.vectors, scores, strict=True)
        ]
