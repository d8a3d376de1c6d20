"""The way in for what is asked most: plain ASGI, without a framework between the server and the answer."""

import logging
from collections.abc import Awaitable, Callable
from http import HTTPStatus
from typing import Any, NamedTuple

import msgspec
from starlette.requests import ClientDisconnect
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from serving.audit import AuditUnavailableError
from serving.coming import Coming
from serving.problems import RefusedError, Reply, not_answered, unaudited, unforeseen

log = logging.getLogger(__name__)

JSON = b"application/json"
_AS_JSON = ((b"content-type", JSON),)
_encode = msgspec.json.Encoder().encode
Answer = Callable[[Scope, Receive], Awaitable[bytes]]
"""What gives the JSON that answers a request."""


class Begun(NamedTuple):
    """An answer that is begun: `end` gives its JSON, from what `coming` gives where something has still to come.

    Nobody waits in a coroutine meanwhile. It raises what an `Answer` raises.
    """

    end: Callable[[Any], bytes]
    coming: Coming[Any] | None = None


Soon = Callable[[Scope, bytes], Begun | None]
"""What begins the answer to a whole body; None where something has to be awaited first. It raises as an `Answer`."""


class Way(NamedTuple):
    """What answers what is posted to an address, while it isn't full; `soon` does so for most, and costs less."""

    address: str
    answer: Answer
    is_full: Callable[[], bool]
    soon: Soon | None = None


class Front:
    """ASGI middleware: what is posted to an address that `way_at` knows is answered here, all others by `app`."""

    def __init__(self, app: ASGIApp, way_at: Callable[[str], Way | None]) -> None:
        self.app = app
        self.way_at = way_at

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        way = self.way_at(scope["path"]) if scope["type"] == "http" else None
        if way is None:
            await self.app(scope, receive, send)
            return
        if scope["method"] != "POST":
            refused = not_answered(HTTPStatus.METHOD_NOT_ALLOWED, scope["method"])
            await refused.response({"allow": "POST"})(scope, receive, send)
            return
        try:
            reply = await replied(way, scope, receive)
        except ClientDisconnect:
            return
        headers = [*reply.headers, (b"content-length", str(len(reply.body)).encode())]
        await send({"type": "http.response.start", "status": reply.status, "headers": headers})
        await send({"type": "http.response.body", "body": reply.body})


async def replied(way: Way, scope: Scope, receive: Receive) -> Reply:
    """The answer to a request, be it a refusal."""
    try:
        refuse_other_content(scope)
        return answered(await way.answer(scope, receive))
    except (RefusedError, AuditUnavailableError) as error:
        return refusal(error)


def answered(body: bytes) -> Reply:
    """An answer of 200, whose `body` is JSON."""
    return Reply(HTTPStatus.OK, _AS_JSON, body)


def refusal(error: Exception) -> Reply:
    """The answer to a request that raised `error`; what should not happen is told the log."""
    if isinstance(error, RefusedError):
        return error.reply()
    if isinstance(error, AuditUnavailableError):
        return unaudited().reply()
    log.error("A request failed", exc_info=error)
    return unforeseen().reply()


def as_json(answer: object, status: HTTPStatus = HTTPStatus.OK) -> Response:
    """An answer that refuses nothing."""
    return Response(_encode(answer), status, media_type=JSON.decode())


def header(scope: Scope, name: bytes) -> bytes | None:
    """The first value of a header, whose name is in small letters."""
    # asked several times a request: a generator takes twice as long
    for each, value in scope["headers"]:
        if each == name:
            return value  # type: ignore[no-any-return]
    return None


def refuse_other_content(scope: Scope) -> None:
    """Refuse a body that says it is something else than plain JSON, which a request without these headers is.

    Raises:
        RefusedError: names the header (415).
    """
    content_type, coding = header(scope, b"content-type"), header(scope, b"content-encoding")
    if content_type is not None and content_type.partition(b";")[0].strip().lower() != JSON:
        raise _unsupported("content-type", "application/json")
    # a small body that is unpacked could be any size
    if coding is not None and coding.strip().lower() != b"identity":
        raise _unsupported("content-encoding", "a body that is not compressed")


def _unsupported(name: str, right: str) -> RefusedError:
    return RefusedError(HTTPStatus.UNSUPPORTED_MEDIA_TYPE, "E_CONTENT", f"{right} is taken.", field=name)


async def read_body(receive: Receive, limit: int, too_large: Callable[[], RefusedError]) -> bytes:
    """The body of a request; what is longer than `limit` bytes is not read to its end.

    Raises:
        RefusedError: `too_large` says so.
    """
    message = await receive()
    body: bytes = _part(message)
    while message.get("more_body", False) and len(body) <= limit:
        message = await receive()
        body += _part(message)
    if len(body) > limit:
        raise too_large()
    return body


def _part(message: Message) -> bytes:
    if message["type"] == "http.disconnect":
        raise ClientDisconnect
    part: bytes = message.get("body", b"")
    return part
