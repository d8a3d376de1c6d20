"""The decision API: a function of its parts, with routes that decode, ask the decider, and encode."""

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from functools import partial
from http import HTTPStatus
from pathlib import Path
from typing import Any, Self

import msgspec
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import FileResponse, Response
from starlette.routing import Route
from starlette.types import Receive, Scope

from ga4_export.privacy import Privacy
from serving import health, openapi, requests
from serving.access import client_of
from serving.audit import AuditLog, AuditUnavailableError
from serving.champions import Champions
from serving.decisions import Asked, Decider, Decision, decision_of
from serving.features import OnlineFeatures
from serving.front import Front, read_body
from serving.gathering import FullError, Gatherer
from serving.keys import Keyring
from serving.patience import FeaturesInTime
from serving.problems import OVERLOADED, RefusedError, not_answered
from serving.requests import DecideRequest

DOCS = Path(__file__).parent / "static" / "docs.html"

_encode = msgspec.json.Encoder().encode


def create_app(
    champions: Champions, online: FeaturesInTime, audit: AuditLog, keyring: Keyring, privacy: Privacy | None = None
) -> Starlette:
    """The decision service; its parts open when it starts. Users are known by the ids that `privacy` stores."""
    api = DecisionApi(champions, online, audit, keyring, privacy or Privacy())

    @asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        with audit, champions, online, api:
            # The first look opens the feature store: no visitor should have to wait for that, and no deadline holds it.
            health.ping(champions, online.store, audit)
            yield

    return Starlette(
        routes=[
            Route("/v1/decisions/{decision_id}", api.decision),
            Route("/healthz", api.is_alive),
            Route("/readyz", api.is_ready),
            Route("/openapi.json", api.description),
            Route("/docs", api.docs),
        ],
        middleware=[Middleware(Front, {"/v1/decide": api.decide, "/v1/decide:batch": api.decide_batch})],
        lifespan=lifespan,
        exception_handlers=_HANDLERS,
    )


class DecisionApi:
    """The routes; each /v1 route first asks who is there."""

    def __init__(
        self, champions: Champions, online: OnlineFeatures, audit: AuditLog, keyring: Keyring, privacy: Privacy
    ) -> None:
        self.gatherer = Gatherer(Decider(champions, online, audit).decide)
        self.audit = audit
        self.keyring = keyring
        self.privacy = privacy
        self.ping = partial(health.ping, champions, online, audit)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.gatherer.close()

    async def decide(self, scope: Scope, receive: Receive) -> bytes:
        client = self._admit(scope)
        body = await read_body(receive, requests.BODY_LIMIT, requests.body_too_large)
        (answer,) = await self._ask(client, [requests.decode(body)])
        if isinstance(answer, RefusedError):
            raise answer
        return _encode(answer)

    async def decide_batch(self, scope: Scope, receive: Receive) -> bytes:
        client = self._admit(scope)
        body = await read_body(receive, requests.BATCH_BODY_LIMIT, requests.batch_too_large)
        answers = await self._ask(client, requests.decode_batch(body))
        return _encode([answer.stated if isinstance(answer, RefusedError) else answer for answer in answers])

    def _admit(self, scope: Scope) -> str:
        """The client of a request that can be taken now; what can't is refused before it is read."""
        if self.gatherer.is_full:
            raise _overloaded()
        return client_of(scope, self.keyring)

    async def _ask(self, client: str, asked: Sequence[DecideRequest]) -> Sequence[Decision | RefusedError]:
        try:
            return await self.gatherer.ask([Asked(client, self._stored(request)) for request in asked])
        except FullError:
            raise _overloaded() from None
        except AuditUnavailableError:
            raise _unaudited() from None

    def _stored(self, request: DecideRequest) -> DecideRequest:
        """`request` with the id under which its user is stored."""
        stored_id = self.privacy.stored_id(request.user_pseudo_id)
        if stored_id == request.user_pseudo_id:
            return request
        return msgspec.structs.replace(request, user_pseudo_id=stored_id)

    async def decision(self, request: Request) -> Response:
        client = client_of(request.scope, self.keyring)
        audited = await run_in_threadpool(self.audit.find, request.path_params["decision_id"])
        if audited is None or audited.client != client:
            raise RefusedError(HTTPStatus.NOT_FOUND, "E_NO_DECISION", "This client has no decision of that id.")
        return _json(decision_of(audited))

    async def is_alive(self, _: Request) -> Response:
        return _json({"status": "alive"})

    async def is_ready(self, _: Request) -> Response:
        faults = await run_in_threadpool(self.ping)
        dependencies = {name: fault.detail if fault else "ok" for name, fault in faults.items()}
        fault = next(filter(None, faults.values()), None)
        if fault:
            raise RefusedError(HTTPStatus.SERVICE_UNAVAILABLE, fault.code, fault.detail, dependencies=dependencies)
        return _json({"status": "ready", "dependencies": dependencies})

    async def description(self, _: Request) -> Response:
        return _json(openapi.document())

    async def docs(self, _: Request) -> Response:
        return FileResponse(DOCS)


def _json(answer: Any) -> Response:
    return Response(_encode(answer), media_type="application/json")


def _overloaded() -> RefusedError:
    detail = "As many requests wait as may wait; try again in a second."
    return RefusedError(HTTPStatus.SERVICE_UNAVAILABLE, OVERLOADED, detail)


def _unaudited() -> RefusedError:
    detail = "A decision that can't be put on record is not made; try again."
    return RefusedError(HTTPStatus.SERVICE_UNAVAILABLE, "E_AUDIT_UNAVAILABLE", detail)


async def _refuse(_: Request, refused: RefusedError) -> Response:
    return refused.response()


async def _refuse_route(request: Request, error: HTTPException) -> Response:
    return not_answered(HTTPStatus(error.status_code), request.method).response(error.headers)


async def _refuse_unaudited(_: Request, __: AuditUnavailableError) -> Response:
    return _unaudited().response()


async def _refuse_unforeseen(_: Request, __: Exception) -> Response:
    return RefusedError(
        HTTPStatus.INTERNAL_SERVER_ERROR, "E_INTERNAL", "The service failed; its log says why."
    ).response()


# Starlette types a handler as one of any exception; each of these takes its own.
_HANDLERS: Mapping[Any, Any] = {
    RefusedError: _refuse,
    HTTPException: _refuse_route,
    AuditUnavailableError: _refuse_unaudited,
    Exception: _refuse_unforeseen,
}
