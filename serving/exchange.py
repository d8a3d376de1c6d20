"""The shortest way from a connection to an answer: what is asked most goes past ASGI, and is told the same.

A request takes it if all of it is plain: posted, with its length told, not from a page, without wishes of its own for
how it is sent. Whatever else comes is answered through ASGI, where `Front` answers the same addresses.
"""

import logging
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, cast

from starlette.types import Message, Scope
from uvicorn.protocols.http.flow_control import HIGH_WATER_LIMIT

from serving.front import Way, replied
from serving.problems import Reply, overloaded, unforeseen
from serving.witness import Witness, Witnessed

if TYPE_CHECKING:
    from serving.connections import Connection

log = logging.getLogger(__name__)

_OVERLOADED = overloaded().reply()
_UNUSUAL = {b"origin", b"transfer-encoding", b"expect", b"upgrade"}
_STATUS_LINES = {status.value: f"HTTP/1.1 {status.value} {status.phrase}\r\n".encode() for status in HTTPStatus}


@dataclass(frozen=True)
class ShortWay:
    """What is answered past ASGI, by the path that is asked for, and who sees it."""

    way_at: Callable[[str], Way | None]
    witness: Witness

    def way(self, url: bytes, headers: Iterable[tuple[bytes, bytes]]) -> Way | None:
        """What answers what is posted to `url` with `headers`; None where it isn't plain."""
        if any(odd in url for odd in (b"%", b"?", b"#")):
            return None
        way = self.way_at(url.decode("latin-1"))
        if way is None:
            return None
        named = dict(headers)
        length = named.get(b"content-length", b"")
        is_short = length.isdigit() and len(length) <= 5 and int(length) <= HIGH_WATER_LIMIT
        return way if is_short and _UNUSUAL.isdisjoint(named) else None


class _Nobody:
    """Who waits for the parts of a body, where it is awaited whole."""

    def set(self) -> None:
        """Nobody is told."""


class Exchange:
    """A plain request and its answer; uvicorn's connection takes it for one of its own cycles."""

    message_event = _Nobody()

    def __init__(self, connection: "Connection", way: Way, witness: Witness, keep_alive: bool) -> None:
        self.connection = connection
        self.scope: Scope = cast("Scope", connection.scope)
        self.way = way
        self.witness = witness
        self.keep_alive = keep_alive
        self.body = bytearray()
        self.more_body = True
        self.disconnected = False
        self.response_started = self.response_complete = False

    def refuse(self) -> None:
        """Refuse what can't be taken now: where too much is asked, that must cost next to nothing."""
        self._tell(Witnessed(self.scope), _OVERLOADED, time.perf_counter())

    async def run_asgi(self, _: Any) -> None:
        """Answer."""
        request, begun = self.witness.met(self.scope), time.perf_counter()
        try:
            reply = await replied(self.way, self.scope, self._receive)
        except Exception as error:
            log.error("A request failed", exc_info=error)
            reply = unforeseen().reply()
        if self.connection.flow.write_paused and not self.disconnected:
            await self.connection.flow.drain()
        if not self.disconnected and not self.connection.transport.is_closing():
            self._tell(request, reply, begun)

    async def _receive(self) -> Message:
        return {"type": "http.request", "body": bytes(self.body), "more_body": False}

    def _tell(self, request: Witnessed, reply: Reply, begun: float) -> None:
        named = request.is_named or reply.status >= 400
        self._write(reply, [(b"x-request-id", request.id.encode())] if named else [])
        self.witness.note(self.scope["method"], self.way.address, reply.status, time.perf_counter() - begun)

    def _write(self, reply: Reply, more: list[tuple[bytes, bytes]]) -> None:
        """All at once: each write is a call of the system, and the client's to read."""
        connection = self.connection
        headers = [*connection.server_state.default_headers, *reply.headers, *more]
        if not self.keep_alive:
            headers.append((b"connection", b"close"))
        head = b"".join(b"%b: %b\r\n" % header for header in headers)
        content_length = b"content-length: %d\r\n\r\n" % len(reply.body)
        connection.transport.write(_STATUS_LINES[reply.status] + head + content_length + reply.body)
        self.response_started = self.response_complete = True
        if not self.keep_alive:
            connection.transport.close()
        connection.on_response_complete()
