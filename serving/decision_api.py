"""The routes that decide, that tell a decision again, and that tell of the service itself."""

import logging
from collections.abc import Callable, Mapping, Sequence
from http import HTTPStatus
from pathlib import Path
from typing import Self

import msgspec
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import FileResponse, Response
from starlette.routing import Route
from starlette.types import Receive, Scope

from ga4_export.privacy import Privacy
from serving import health, openapi, requests
from serving.access import Access
from serving.answers import Decision, decision_of
from serving.audit import AuditLog
from serving.coming import Coming
from serving.decisions import Asked
from serving.front import Begun, Way, as_json, header, read_body
from serving.gathering import FullError, Gatherer
from serving.keys import KeyScope
from serving.problems import RefusedError, overloaded
from serving.repeats import Repeats
from serving.requests import DecideRequest

DOCS = Path(__file__).parent / "static" / "docs.html"

Decide = Callable[[Sequence[Asked]], Sequence[Decision | RefusedError]]
Ping = Callable[[], Mapping[str, health.Fault | None]]
"""What gives each dependency with its fault."""

log = logging.getLogger(__name__)
_encode = msgspec.json.Encoder().encode


class DecisionApi:
    """The routes; each /v1 route first asks who is there."""

    def __init__(self, decide: Decide, audit: AuditLog, access: Access, privacy: Privacy, ping: Ping) -> None:
        self.gatherer = Gatherer(decide)
        self.repeats = Repeats(audit)
        self.audit = audit
        self.access = access
        self.privacy = privacy
        self.ping = ping

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.gatherer.close()

    def routes(self) -> list[Route]:
        return [
            Route("/v1/decisions/{decision_id}", self.decision),
            Route("/healthz", self.is_alive),
            Route("/readyz", self.is_ready),
            Route("/openapi.json", self.description),
            Route("/docs", self.docs),
        ]

    def ways(self) -> dict[str, Way]:
        """What is asked most, by path."""
        one, many = "/v1/decide", "/v1/decide:batch"
        return {
            one: Way(one, self.decide, self.is_full, self._begin),
            many: Way(many, self.decide_batch, self.is_full),
        }

    def is_full(self) -> bool:
        return self.gatherer.is_full

    async def decide(self, scope: Scope, receive: Receive) -> bytes:
        client = await self._admit(scope)
        body = await read_body(receive, requests.BODY_LIMIT, requests.body_too_large)
        asked = Asked(client, self._stored(requests.decode(body)))
        if (key := header(scope, b"idempotency-key")) is not None:
            return _encode(await self.repeats.once(client, key, asked.request, self._decided))
        return _encode(await self._decided(asked))

    def _begin(self, scope: Scope, body: bytes) -> Begun | None:
        """The answer that `decide` would give."""
        if header(scope, b"idempotency-key") is not None:
            return None
        client = self.access.admitted(scope, KeyScope.DECIDE)
        if client is None:
            return None
        return Begun(_told, self._asking([Asked(client, self._stored(requests.decode(body)))]))

    async def decide_batch(self, scope: Scope, receive: Receive) -> bytes:
        client = await self._admit(scope)
        if header(scope, b"idempotency-key") is not None:
            detail = "A list takes no Idempotency-Key; /v1/decide does."
            raise RefusedError(HTTPStatus.BAD_REQUEST, "E_IDEMPOTENCY_KEY", detail)
        body = await read_body(receive, requests.BATCH_BODY_LIMIT, requests.batch_too_large)
        # everybody else would wait for a long one
        is_long = len(body) > requests.BODY_LIMIT
        asked = await run_in_threadpool(requests.decode_batch, body) if is_long else requests.decode_batch(body)
        await self.access.charge(client, len(asked) - 1)
        answers = await self._asking([Asked(client, self._stored(request)) for request in asked])
        return _encode([answer.stated if isinstance(answer, RefusedError) else answer for answer in answers])

    async def _admit(self, scope: Scope) -> str:
        """The client of a request that can be taken now; what can't is refused before it is read."""
        if self.is_full():
            raise overloaded()
        return await self.access.admit(scope, KeyScope.DECIDE)

    async def _decided(self, asked: Asked) -> Decision:
        return _one(await self._asking([asked]))

    def _asking(self, asked: Sequence[Asked]) -> Coming[Sequence[Decision | RefusedError]]:
        try:
            return self.gatherer.ask(asked)
        except FullError:
            raise overloaded() from None

    def _stored(self, request: DecideRequest) -> DecideRequest:
        """`request` with the id under which its user is stored."""
        stored_id = self.privacy.stored_id(request.user_pseudo_id)
        if stored_id == request.user_pseudo_id:
            return request
        return msgspec.structs.replace(request, user_pseudo_id=stored_id)

    async def decision(self, request: Request) -> Response:
        client = await self.access.admit(request.scope, KeyScope.READ)
        audited = await run_in_threadpool(self.audit.find, request.path_params["decision_id"])
        if audited is None or audited.client != client:
            if audited is not None:
                log.warning("security: client %s asked for a decision that is not its own", client)
            raise RefusedError(HTTPStatus.NOT_FOUND, "E_NO_DECISION", "This client has no decision of that id.")
        return as_json(decision_of(audited))

    async def is_alive(self, _: Request) -> Response:
        return as_json({"status": "alive"})

    async def is_ready(self, _: Request) -> Response:
        faults = await run_in_threadpool(self.ping)
        dependencies = {name: fault.detail if fault else "ok" for name, fault in faults.items()}
        fault = next((fault for fault in faults.values() if fault and fault.is_grave), None)
        if fault:
            raise RefusedError(HTTPStatus.SERVICE_UNAVAILABLE, fault.code, fault.detail, dependencies=dependencies)
        return as_json({"status": "ready", "dependencies": dependencies})

    async def description(self, _: Request) -> Response:
        return as_json(openapi.document())

    async def docs(self, _: Request) -> Response:
        return FileResponse(DOCS)


def _one(answers: Sequence[Decision | RefusedError]) -> Decision:
    (answer,) = answers
    if isinstance(answer, RefusedError):
        raise answer
    return answer


def _told(answers: Sequence[Decision | RefusedError]) -> bytes:
    return _encode(_one(answers))
