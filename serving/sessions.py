"""Live sessions: routes that take their events, score them by policy, and decide at their exit from the latest flag."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from http import HTTPStatus
from typing import Self

import msgspec
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import Receive, Scope

from feature_repo.contract import ActivityRule
from ml.policy import Action
from serving import requests
from serving.audit import AuditUnavailableError
from serving.clock import microseconds
from serving.decisions import Decision
from serving.front import Way, as_json, read_body
from serving.gathering import FullError, Gatherer
from serving.ids import decision_ids
from serving.problems import NO_SESSIONS, RefusedError, invalid, overloaded, unaudited
from serving.requests import SessionEvents
from serving.session_answers import EventsTaken, raised
from serving.session_exits import Exit
from serving.session_policies import DEFAULT, POLICIES, SessionPolicy
from serving.session_scores import MODEL, Due, SessionScores
from serving.session_state import Flag, Session, Taken, key_of
from serving.session_stores import Sessions, SessionsInMemory, SessionsUnavailableError
from serving.stream import FlagStream, Listeners

PLACE, EVENTS = "/v1/sessions/", "/events"
EVENTS_ADDRESS = f"{PLACE}{{session}}{EVENTS}"
LONGEST_NAME = 200
MOST_FIELDS = 200
"""Of a session's profile: without a champion, none is known to be wrong."""

_encode = msgspec.json.Encoder().encode


@dataclass(frozen=True)
class Live:
    """How live sessions are kept, by which policy each client's are scored, who may listen, and the clock."""

    sessions: Sessions = field(default_factory=SessionsInMemory)
    policy_of: Callable[[str], str] = lambda _: DEFAULT
    listeners: Listeners = field(default_factory=Listeners)
    clock: Callable[[], int] = microseconds


class SessionApi:
    """The routes of live sessions.

    `client_of` says whose a request is, or refuses it; `stored_id` under which id a user is stored.
    """

    def __init__(
        self,
        live: Live,
        scores: SessionScores,
        exits: Callable[[Sequence[Exit]], Sequence[Decision]],
        client_of: Callable[[Scope], Awaitable[str]],
        stored_id: Callable[[str], str],
    ) -> None:
        self.live = live
        self.sessions = live.sessions
        self.version_for, self.activity_rules = scores.version_for, scores.activity_rules
        self.scores = Gatherer(scores.score)
        self.exits = Gatherer(exits)
        self.client_of = client_of
        self.stored_id = stored_id

    async def __aenter__(self) -> Self:
        await self.sessions.__aenter__()
        return self

    async def __aexit__(self, *_: object) -> None:
        self.scores.close()
        self.exits.close()
        await self.sessions.__aexit__()

    def routes(self) -> list[Route]:
        return [
            Route("/v1/sessions/{session}/decision", self.decision),
            Route("/v1/sessions/{session}/stream", self.stream),
        ]

    def way_at(self, path: str) -> Way | None:
        """What answers the events of the session that an address names; none where it names no session."""
        if not path.startswith(PLACE) or not path.endswith(EVENTS):
            return None
        name = path[len(PLACE) : -len(EVENTS)]
        return Way(EVENTS_ADDRESS, partial(self.events, name), self.is_full) if name and "/" not in name else None

    def is_full(self) -> bool:
        return self.scores.is_full

    async def events(self, name: str, scope: Scope, receive: Receive) -> bytes:
        # refused before they are taken: who is told to send events again must not have them counted twice
        if self.is_full():
            raise overloaded()
        client = await self.client_of(scope)
        key = _key(client, name)
        sent = self._sent(await read_body(receive, requests.BODY_LIMIT, requests.body_too_large))
        champion, policy = self.version_for(client, sent.user_pseudo_id), POLICIES[self.live.policy_of(client)]
        if champion is not None:
            champion.assembler.check_profile(sent.profile)
        rules = self.activity_rules(client, champion)
        try:
            taken, flag = await self.sessions.change(key, partial(_take, sent, self.live.clock(), policy, rules))
        except SessionsUnavailableError as error:
            raise _unavailable(error) from None
        scored = None if taken.moment is None else await self._score(key, Due(client, champion, taken.moment))
        acts_now = policy.acts_at_once and scored is not None and scored.action is Action.SHOW
        decision = await self._decide_at_once(client, key) if acts_now else None
        latest = scored or flag
        told = raised(latest) if latest else None
        return _encode(EventsTaken(taken.events, taken.retimed, scored is not None, told, decision))

    async def decision(self, request: Request) -> Response:
        client = await self.client_of(request.scope)
        return as_json(await self._decide(client, _key(client, request.path_params["session"])))

    async def stream(self, request: Request) -> Response:
        key = _key(await self.client_of(request.scope), request.path_params["session"])
        try:
            session = await self.sessions.find(key)
        except SessionsUnavailableError as error:
            raise _unavailable(error) from None
        if session is None:
            raise RefusedError(HTTPStatus.NOT_FOUND, "E_NO_SESSION", "This client has no live session of that name.")
        if session.decision_id is not None:
            # what tells a browser's EventSource to come back no more
            return Response(status_code=HTTPStatus.NO_CONTENT)
        return FlagStream(self.live.listeners, key, self.sessions.find, raised)

    def _sent(self, body: bytes) -> SessionEvents:
        sent = requests.decode_events(body)
        stored_id = self.stored_id(sent.user_pseudo_id)
        return sent if stored_id == sent.user_pseudo_id else msgspec.structs.replace(sent, user_pseudo_id=stored_id)

    async def _score(self, key: str, due: Due) -> Flag | None:
        """The session's flag once it is scored; None where it can't be now, since its events are taken all the same."""
        try:
            (flag,) = await self.scores.ask([due])
            kept = await self.sessions.change(key, partial(_flagged, flag))
        except (FullError, SessionsUnavailableError):
            return None
        self.live.listeners.tell(key)
        return kept

    async def _decide(self, client: str, key: str) -> Decision:
        try:
            asked = await self.sessions.change(key, partial(_left, client, key))
        except SessionsUnavailableError:
            # a visitor who leaves doesn't come back to ask again
            asked = Exit.of_unknown(client, MODEL, key)
        try:
            (decision,) = await self.exits.ask([asked])
        except FullError:
            raise overloaded() from None
        except AuditUnavailableError:
            raise unaudited() from None
        self.live.listeners.tell(key)
        return decision

    async def _decide_at_once(self, client: str, key: str) -> Decision | None:
        """The decision; None where it can't be put on record, and so isn't made."""
        try:
            return await self._decide(client, key)
        except RefusedError:
            return None


def _take(
    sent: SessionEvents, now: int, policy: SessionPolicy, rules: Mapping[str, ActivityRule], session: Session | None
) -> tuple[Session, tuple[Taken, Flag | None]]:
    session = session or Session()
    if session.user_pseudo_id not in (None, sent.user_pseudo_id):
        raise RefusedError(
            HTTPStatus.CONFLICT,
            "E_OTHER_USER",
            "A live session of that name is another user's; name it by user and session, as GA4's ids are.",
            field="user_pseudo_id",
        )
    if len(session.profile.keys() | sent.profile.keys()) > MOST_FIELDS:
        raise invalid("profile", f"With what was told before it names more than {MOST_FIELDS} fields.")
    taken = session.take(sent, now, policy, rules)
    return session, (taken, session.flag)


def _flagged(flag: Flag, session: Session | None) -> tuple[Session | None, Flag | None]:
    if session is None:
        # forgotten, or erased, while it was scored
        return None, None
    session.raise_flag(flag)
    return session, session.flag


def _left(client: str, key: str, session: Session | None) -> tuple[Session | None, Exit]:
    if session is None:
        return None, Exit.of_unknown(client, MODEL, key)
    if session.decision_id is None:
        (session.decision_id,) = decision_ids(1)
    return session, Exit(session.decision_id, client, MODEL, session.user_pseudo_id, session.flag)


def _key(client: str, name: str) -> str:
    if len(name) > LONGEST_NAME or name.isspace() or not name.isprintable():
        raise invalid("session", f"A session's name has up to {LONGEST_NAME} visible characters.")
    return key_of(client, name)


def _unavailable(error: SessionsUnavailableError) -> RefusedError:
    return RefusedError(HTTPStatus.SERVICE_UNAVAILABLE, NO_SESSIONS, str(error))
