"""Feedback: what became of a decision, told by its client; kept beside the decisions and never changed."""

import logging
import sqlite3
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from http import HTTPStatus
from typing import Annotated, Literal

import msgspec
from msgspec import Meta
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import Scope

from ml.policy import Action
from serving import requests
from serving.append_only import guards
from serving.audit import AuditedDecision, AuditLog, AuditUnavailableError
from serving.clock import AHEAD, microseconds
from serving.front import as_json, read_body, refuse_other_content
from serving.gathering import FullError, Gatherer
from serving.problems import RefusedError, invalid, overloaded, unaudited
from serving.requests import Microseconds, Stated

log = logging.getLogger(__name__)

Kind = Literal["shown", "closed", "clicked", "converted"]
StatedKind = Annotated[Kind, Meta(description="What became of the decision.")]
OF_A_POPUP = ("shown", "closed", "clicked")
"""What can't become of a visitor who is left alone."""

_TABLE = """
create table if not exists rewards (
    decision_id text not null,
    kind text not null,
    client text not null,
    at integer not null,
    stated_at integer,
    told_at integer not null,
    primary key (decision_id, kind)
) strict;
""" + guards("rewards", "decision_id", "kind")
_INSERT = "insert into rewards (decision_id, kind, client, at, stated_at, told_at) values (?, ?, ?, ?, ?, ?)"
_SELECT_ALL = "select kind, at, stated_at, told_at from rewards where decision_id = ? order by at, told_at"
_SELECT = "select at, stated_at from rewards where decision_id = ? and kind = ?"


class Reward(Stated, frozen=True):
    """What became of a decision, and when."""

    kind: StatedKind
    at: Annotated[Microseconds | None, Meta(description="Microseconds since 1970, UTC; null is now.")] = None


class RewardTaken(msgspec.Struct, frozen=True):
    """A reward on record."""

    decision_id: Annotated[str, Meta(description="The decision of which it was told.")]
    kind: StatedKind
    at: Annotated[int, Meta(description="The time on record, in microseconds since 1970, UTC.")]
    retimed: Annotated[bool, Meta(description="Whether the stated time was ahead of the service's, which is kept.")]


class RewardOnRecord(msgspec.Struct, frozen=True):
    """What became of a decision, and when; what its client stated, and when it told us. Times are microseconds UTC."""

    kind: Kind
    at: int
    stated_at: int | None
    told_at: int


@dataclass(frozen=True)
class Told:
    """A reward, and who tells it of which decision."""

    client: str
    decision_id: str
    reward: Reward


class Rewards:
    """The table `rewards` in the file of the decisions: one row a decision and kind."""

    def __init__(self, audit: AuditLog, clock: Callable[[], int] = microseconds) -> None:
        self.audit = audit
        self.clock = clock

    def record(self, batch: Sequence[Told]) -> list[RewardTaken | RefusedError]:
        """For each of `batch` what is on the disk now, or why it is refused; the same told again is the same.

        Raises:
            AuditUnavailableError: none of them is on record.
        """
        decisions = {told.decision_id: self.audit.find(told.decision_id) for told in batch}
        now = self.clock()
        answers: list[RewardTaken | RefusedError] = []
        with self.audit.opened() as connection:
            connection.executescript(_TABLE)
            connection.execute("begin immediate")
            for told in batch:
                try:
                    answers.append(_record(connection, told, decisions[told.decision_id], now))
                except RefusedError as refused:
                    answers.append(refused)
            connection.execute("commit")
        return answers

    def of(self, decision_id: str) -> list[RewardOnRecord]:
        """What is on record of a decision, in the order in which it came about.

        Raises:
            AuditUnavailableError: the record can't be read.
        """
        with self.audit.opened() as connection:
            connection.executescript(_TABLE)
            return [RewardOnRecord(*row) for row in connection.execute(_SELECT_ALL, [decision_id])]


def _record(connection: sqlite3.Connection, told: Told, decision: AuditedDecision | None, now: int) -> RewardTaken:
    if decision is None or decision.client != told.client:
        if decision is not None:
            log.warning("security: client %s told of a decision that is not its own", told.client)
        raise RefusedError(HTTPStatus.NOT_FOUND, "E_NO_DECISION", "This client has no decision of that id.")
    kind, stated_at = told.reward.kind, told.reward.at
    if stated_at is not None and stated_at < decision.decided_at:
        raise invalid("at", f"It is {stated_at}, and the decision was made at {decision.decided_at}.")
    if decision.action is Action.NOTHING and kind in OF_A_POPUP:
        raise _conflict(f"The decision was to leave the visitor alone: a pop-up can't have been {kind}.")
    known = connection.execute(_SELECT, [told.decision_id, kind]).fetchone()
    if known is None:
        # our own clock may have been set back since the decision
        at = max(decision.decided_at, now) if stated_at is None or stated_at - now > AHEAD else stated_at
        connection.execute(_INSERT, [told.decision_id, kind, told.client, at, stated_at, now])
        return _taken(told.decision_id, kind, at, stated_at)
    at, stated_before = known
    if None not in (stated_at, stated_before) and stated_at != stated_before:
        raise _conflict(f"It was told before with the time {stated_before}; now it is {stated_at}.")
    return _taken(told.decision_id, kind, at, stated_before)


def _taken(decision_id: str, kind: Kind, at: int, stated_at: int | None) -> RewardTaken:
    return RewardTaken(decision_id, kind, at, retimed=stated_at not in (None, at))


def _conflict(detail: str) -> RefusedError:
    return RefusedError(HTTPStatus.CONFLICT, "E_CONFLICT", detail)


class RewardApi:
    """The route of feedback; `client_of` says whose a request is, or refuses it."""

    def __init__(self, rewards: Rewards, client_of: Callable[[Scope], Awaitable[str]]) -> None:
        self.gatherer = Gatherer(rewards.record)
        self.client_of = client_of

    def routes(self) -> list[Route]:
        return [Route("/v1/decisions/{decision_id}/reward", self.reward, methods=["POST"])]

    def close(self) -> None:
        """Wait for what is being put on record."""
        self.gatherer.close()

    async def reward(self, request: Request) -> Response:
        refuse_other_content(request.scope)
        client = await self.client_of(request.scope)
        body = await read_body(request.receive, requests.BODY_LIMIT, requests.body_too_large)
        told = Told(client, request.path_params["decision_id"], requests.stated(body, _decoder))
        try:
            (answer,) = await self.gatherer.ask([told])
        except FullError:
            raise overloaded() from None
        except AuditUnavailableError:
            raise unaudited() from None
        if isinstance(answer, RefusedError):
            raise answer
        return as_json(answer)


_decoder = msgspec.json.Decoder(Reward)
