"""Decisions at the exit of live sessions: from the latest flag, put on record, and only then answered."""

import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Self

from ml import policy
from ml.policy import Reason
from serving.answers import Decision, decision_of
from serving.audit import AuditedDecision, AuditLog
from serving.client_rules import ClientRules
from serving.clock import microseconds
from serving.requests import DecideRequest
from serving.session_state import Flag
from serving.traffic import Traffic

_NAMESPACE = uuid.UUID("b1d7c0f4-93a5-4c1e-8f0b-6a2e5d948c37")
NOBODY = "(unknown)"
"""The user of a session that nothing is known of."""


@dataclass(frozen=True)
class Exit:
    """A session whose client asks what to do, and the id that its decision has, asked however often."""

    decision_id: str
    client: str
    model: str
    user_pseudo_id: str | None
    flag: Flag | None

    @classmethod
    def of_unknown(cls, client: str, model: str, key: str) -> Self:
        """That of a session of which nothing is known: its `key` gives the id, since nothing is kept."""
        return cls(str(uuid.uuid5(_NAMESPACE, key)), client, model, None, None)


class SessionExits:
    """Decides about sessions by their flags, as their clients have it; each decision is made and put on record once."""

    def __init__(
        self,
        audit: AuditLog,
        clock: Callable[[], int] = microseconds,
        traffic: Traffic | None = None,
        rules: ClientRules | None = None,
    ) -> None:
        self.audit = audit
        self.clock = clock
        self.traffic = traffic or Traffic()
        self.rules = rules or ClientRules(audit)

    def decide(self, batch: Sequence[Exit]) -> list[Decision]:
        """The decision of each of `batch`, on record now or since it was asked for before.

        Raises:
            AuditUnavailableError: the decisions aren't on record, and so there are none.
        """
        asked = {each.decision_id: each for each in batch}
        found = {decision_id: self.audit.find(decision_id) for decision_id in asked}
        now = self.clock()
        with self.rules.counting():
            unknown = [asked[decision_id] for decision_id, known in found.items() if known is None]
            made = {each.decision_id: self._audited(each, now) for each in unknown}
            self.audit.append(list(made.values()))
        return [decision_of(found[each.decision_id] or made[each.decision_id]) for each in batch]

    def _audited(self, asked: Exit, now: int) -> AuditedDecision:
        flag = asked.flag or _no_flag(now)
        user = asked.user_pseudo_id or NOBODY
        drawn = flag.score, asked.client, asked.decision_id, flag.offers
        explored, rest = self.traffic.explored(flag.choice, *drawn), partial(self.traffic.rest, *drawn)
        choice = self.rules.hold(asked.client, user, explored, now, rest)
        return AuditedDecision(
            decision_id=asked.decision_id,
            decided_at=now,
            client=asked.client,
            user_pseudo_id=user,
            moment=flag.scored_at,
            request=DecideRequest(user, flag.scored_at, model=asked.model),
            features=flag.features,
            feature_status=flag.feature_status,
            features_missing=flag.features_missing,
            score=flag.score,
            threshold=choice.threshold(flag.threshold),
            action=choice.action,
            reason=choice.reason,
            action_probability=choice.action_probability,
            model=asked.model,
            version=flag.version,
            digest=flag.digest,
            campaign=choice.campaign,
            channel=choice.channel,
        )


def _no_flag(now: int) -> Flag:
    left_alone = policy.fall_back(Reason.NO_FLAG)
    return Flag(now, 0, left_alone.action, left_alone.reason, left_alone.action_probability)
