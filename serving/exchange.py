"""The shortest way from a connection to an answer: what is asked most goes past ASGI, and is told the same.

A request takes it if all of it is plain: posted, with its length told, not from a page, without wishes of its own for
how it is sent. Whatever else comes is answered through ASGI, where `Front` answers the same addresses.
"""

import time
from collections.abc import Callable, Iterable
from functools import partial
from typing import TYPE_CHECKING, Any

from starlette.types import Message, Scope
from uvicorn.protocols.http.flow_control import HIGH_WATER_LIMIT

from serving import front
from serving.coming import Coming
from serving.front import Soon, Way
from serving.heads import Heads
from serving.problems import Reply, overloaded
from serving.witness import Witness, Witnessed, current

if TYPE_CHECKING:
    from serving.connections import Connection

_OVERLOADED = overloaded().reply()
_UNUSUAL = {b"origin", b"transfer-encoding", b"expect", b"upgrade"}


class ShortWay:
    """What is answered past ASGI, by the path that is asked for, and who sees it; plain heads are read once."""

    def __init__(self, way_at: Callable[[str], Way | None], witness: Witness) -> None:
        self.way_at = way_at
        self.witness = witness
        self.heads = Heads(way_at, is_plain)

    def way(self, url: bytes, headers: Iterable[tuple[bytes, bytes]]) -> Way | None:
        """What answers what is posted to `url` with `headers`; None where it isn't plain."""
        if any(odd in url for odd in (b"%", b"?", b"#")):
            return None
        way = self.way_at(url.decode("latin-1"))
        return way if way is not None and is_plain(headers) else None


def is_plain(headers: Iterable[tuple[bytes, bytes]]) -> bool:
    """Whether a request is as most are, by its headers."""
    named = dict(headers)
    length = named.get(b"content-length", b"")
    is_short = length.isdigit() and len(length) <= 5 and int(length) <= HIGH_WATER_LIMIT
    return is_short and _UNUSUAL.isdisjoint(named)


class _Nobody:
    """Who waits for the parts of a body, where it is awaited whole."""

    def set(self) -> None:
        """Nobody is told."""


class Exchange:
    """A plain request and its answer; uvicorn's connection takes it for one of its own cycles."""

    message_event = _Nobody()

    def __init__(self, connection: "Connection", scope: Scope, way: Way, witness: Witness, keep_alive: bool) -> None:
        self.connection = connection
        self.scope = scope
        self.way = way
        self.witness = witness
        self.keep_alive = keep_alive
        self.body: bytes | bytearray = bytearray()
        self.more_body = True
        self.disconnected = False
        self.response_started = self.response_complete = False
        self._begun = time.perf_counter()

    def refuse(self) -> None:
        """Refuse what can't be taken now: where too much is asked, that must cost next to nothing."""
        self._tell(Witnessed(self.scope), _OVERLOADED)

    def answer_soon(self, soon: Soon) -> bool:
        """Answer once it is known what, without a task; False where something has to be awaited first."""
        request = Witnessed(self.scope)
        outside = current.set(request)
        try:
            begun = _begun(soon, self.scope, bytes(self.body))
            if begun is None:
                return False
            if isinstance(begun, Reply):
                self._tell(request, begun)
            else:
                end, coming = begun
                # who ends the service waits for these, and gives up what comes too late
                self.connection.tasks.add(coming)  # type: ignore[arg-type]
                coming.add_done_callback(partial(self._come, end, request))
        finally:
            current.reset(outside)
        return True

    def _come(self, end: Callable[[Any], bytes], request: Witnessed, come: Coming[Any]) -> None:
        self.connection.tasks.discard(come)  # type: ignore[arg-type]
        self._tell(request, _reply(lambda: end(come.result())))

    async def run_asgi(self, _: Any) -> None:
        """Answer, in a task."""
        request = self.witness.met(self.scope)
        try:
            reply = await front.replied(self.way, self.scope, self._receive)
        except Exception as error:
            reply = front.refusal(error)
        if self.connection.flow.write_paused and not self.disconnected:
            await self.connection.flow.drain()
        self._tell(request, reply)

    async def _receive(self) -> Message:
        return {"type": "http.request", "body": bytes(self.body), "more_body": False}

    def _tell(self, request: Witnessed, reply: Reply) -> None:
        if self.disconnected or self.connection.transport.is_closing():
            return
        named = request.is_named or reply.status >= 400
        self._write(reply, [(b"x-request-id", request.id.encode())] if named else [])
        self.witness.note(self.scope["method"], self.way.address, reply.status, time.perf_counter() - self._begun)

    def _write(self, reply: Reply, more: list[tuple[bytes, bytes]]) -> None:
        """All at once: each write is a call of the system, and the client's to read."""
        connection = self.connection
        headers = [*connection.server_state.default_headers, *more]
        if not self.keep_alive:
            headers.append((b"connection", b"close"))
        connection.transport.write(reply.over_http(headers))
        self.response_started = self.response_complete = True
        if not self.keep_alive:
            connection.transport.close()
        connection.on_response_complete()


def _begun(soon: Soon, scope: Scope, body: bytes) -> tuple[Callable[[Any], bytes], Coming[Any]] | Reply | None:
    """What ends the answer that is begun, and what it waits for; or the answer, where it waits for nothing."""
    try:
        front.refuse_other_content(scope)
        begun = soon(scope, body)
    except Exception as error:
        return front.refusal(error)
    if begun is None:
        return None
    end, coming = begun
    return _reply(lambda: end(None)) if coming is None else (end, coming)


def _reply(told: Callable[[], bytes]) -> Reply:
    try:
        return front.answered(told())
    except Exception as error:
        return front.refusal(error)
