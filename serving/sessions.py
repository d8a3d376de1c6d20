"""The routes of live sessions: their events, the decision at their exit, and the stream of their flags."""

from collections.abc import Callable, Sequence
from functools import partial
from http import HTTPStatus
from typing import Self

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from serving.access import Access
from serving.answers import Decision
from serving.audit import AuditUnavailableError
from serving.front import as_json
from serving.gathering import FullError, Gatherer
from serving.ids import decision_ids
from serving.keys import KeyScope
from serving.live import Live, session_key, unavailable
from serving.problems import RefusedError, overloaded, unaudited
from serving.session_answers import raised
from serving.session_events import EventsApi
from serving.session_exits import Exit
from serving.session_scores import MODEL, SessionScores
from serving.session_state import Session
from serving.session_stores import SessionsUnavailableError
from serving.stream import FlagStream


class SessionApi:
    """The routes of live sessions.

    `stored_id` says under which id a user is stored.
    """

    def __init__(
        self,
        live: Live,
        scores: SessionScores,
        exits: Callable[[Sequence[Exit]], Sequence[Decision]],
        access: Access,
        stored_id: Callable[[str], str],
    ) -> None:
        self.live = live
        self.sessions = live.sessions
        self.access = access
        self.events = EventsApi(live, scores, access, stored_id, self._decide_at_once)
        self.exits = Gatherer(exits)

    async def __aenter__(self) -> Self:
        await self.sessions.__aenter__()
        return self

    async def __aexit__(self, *_: object) -> None:
        self.events.close()
        self.exits.close()
        await self.sessions.__aexit__()

    def routes(self) -> list[Route]:
        return [
            Route("/v1/sessions/{session}/decision", self.decision),
            Route("/v1/sessions/{session}/stream", self.stream),
        ]

    async def decision(self, request: Request) -> Response:
        client = await self.access.admit(request.scope, KeyScope.LIVE)
        return as_json(await self._decide(client, session_key(client, request.path_params["session"])))

    async def stream(self, request: Request) -> Response:
        key = session_key(await self.access.admit(request.scope, KeyScope.LIVE), request.path_params["session"])
        try:
            session = await self.sessions.find(key)
        except SessionsUnavailableError as error:
            raise unavailable(error) from None
        if session is None:
            raise RefusedError(HTTPStatus.NOT_FOUND, "E_NO_SESSION", "This client has no live session of that name.")
        if session.decision_id is not None:
            # what tells a browser's EventSource to come back no more
            return Response(status_code=HTTPStatus.NO_CONTENT)
        return FlagStream(self.live.listeners, key, self.sessions.find, raised)

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


def _left(client: str, key: str, session: Session | None) -> tuple[Session | None, Exit]:
    if session is None:
        return None, Exit.of_unknown(client, MODEL, key)
    if session.decision_id is None:
        (session.decision_id,) = decision_ids(1)
    return session, Exit(session.decision_id, client, MODEL, session.user_pseudo_id, session.flag)
