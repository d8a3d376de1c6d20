"""The decision API: a function of its parts, with routes that decode, ask the decider, and encode."""

import logging
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from functools import partial
from http import HTTPStatus
from pathlib import Path
from typing import Any

import msgspec
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import FileResponse, Response
from starlette.routing import Route

from ga4_export.privacy import Privacy
from serving import health, keys, openapi, requests
from serving.audit import AuditLog, AuditUnavailableError
from serving.champions import Champions
from serving.decisions import Decider, decision_of
from serving.features import OnlineFeatures
from serving.keys import Keyring
from serving.problems import RefusedError

log = logging.getLogger(__name__)

DOCS = Path(__file__).parent / "static" / "docs.html"


def create_app(
    champions: Champions, online: OnlineFeatures, audit: AuditLog, keyring: Keyring, privacy: Privacy | None = None
) -> Starlette:
    """The decision service; its parts open when it starts. Users are known by the ids that `privacy` stores."""
    api = DecisionApi(champions, online, audit, keyring, privacy or Privacy())

    @asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        with audit, champions:
            # The first look opens the feature store, which no visitor should have to wait for.
            health.ping(champions, online, audit)
            yield

    return Starlette(
        routes=[
            Route("/v1/decide", api.decide, methods=["POST"]),
            Route("/v1/decisions/{decision_id}", api.decision),
            Route("/healthz", api.is_alive),
            Route("/readyz", api.is_ready),
            Route("/openapi.json", api.description),
            Route("/docs", api.docs),
        ],
        lifespan=lifespan,
        exception_handlers=_HANDLERS,
    )


class DecisionApi:
    """The routes; each /v1 route first asks who is there."""

    def __init__(
        self, champions: Champions, online: OnlineFeatures, audit: AuditLog, keyring: Keyring, privacy: Privacy
    ) -> None:
        self.decider = Decider(champions, online, audit)
        self.audit = audit
        self.keyring = keyring
        self.privacy = privacy
        self.ping = partial(health.ping, champions, online, audit)

    async def decide(self, request: Request) -> Response:
        client = self._client(request)
        asked = requests.decode(await _body(request))
        asked = msgspec.structs.replace(asked, user_pseudo_id=self.privacy.stored_id(asked.user_pseudo_id))
        return _json(await run_in_threadpool(self.decider.decide, client, asked))

    async def decision(self, request: Request) -> Response:
        client = self._client(request)
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

    def _client(self, request: Request) -> str:
        if any(value.startswith(keys.PREFIX) for value in request.query_params.values()):
            raise RefusedError(
                HTTPStatus.BAD_REQUEST, "E_KEY_IN_QUERY", "A key stands in the address, where logs keep it."
            )
        scheme, _, token = request.headers.get("authorization", "").partition(" ")
        client = self.keyring.client_of(token, datetime.now(UTC)) if scheme.lower() == "bearer" else None
        if client is None:
            raise RefusedError(
                HTTPStatus.UNAUTHORIZED, "E_KEY", "A good key is needed, as `Authorization: Bearer tac_...`."
            )
        return client


async def _body(request: Request) -> bytes:
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > requests.BODY_LIMIT:
            detail = f"At most {requests.BODY_LIMIT // 1024} KB are taken, and {requests.EVENTS_LIMIT} events."
            raise RefusedError(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, "E_BODY_TOO_LARGE", detail)
    return bytes(body)


def _json(answer: Any) -> Response:
    return Response(msgspec.json.encode(answer), media_type="application/json")


async def _refuse(_: Request, refused: RefusedError) -> Response:
    is_unknown = refused.stated.status == HTTPStatus.UNAUTHORIZED
    return refused.response({"www-authenticate": "Bearer"} if is_unknown else None)


async def _refuse_route(request: Request, error: HTTPException) -> Response:
    detail = f"{request.method} is not answered at this address; /docs lists what is."
    return RefusedError(HTTPStatus(error.status_code), "E_ROUTE", detail).response(error.headers)


async def _refuse_unaudited(_: Request, error: AuditUnavailableError) -> Response:
    log.error("%s", error, exc_info=error)
    detail = "A decision that can't be put on record is not made; try again."
    return RefusedError(HTTPStatus.SERVICE_UNAVAILABLE, "E_AUDIT_UNAVAILABLE", detail).response()


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
