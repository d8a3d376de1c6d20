"""What a connection may take: so many an address, so long a head, and so much time for a request to come.

Requests that are sent before the one before them is answered are answered in their order, refusals too.
"""

import asyncio
from collections import Counter, deque
from dataclasses import dataclass, field
from http import HTTPStatus
from itertools import chain
from typing import Any, cast

import httptools
from starlette.types import Scope
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from serving.exchange import Exchange, ShortWay
from serving.problems import OVERLOADED, RefusedError

HEAD_LIMIT = 32 * 1024
"""Bytes of an address and its headers."""

PATIENCE = 5.0
"""Seconds from the first byte of a request, or from the connection, until all of the request is there."""

STUCK = 30.0
"""Seconds for which a client may leave an answer unread."""

MOST_AHEAD = 64
"""Requests that wait for the answer to the one before them."""

MOST_AT_ONCE = 16
"""Requests that are answered before anybody else's are looked at."""

_NOT_HTTP = RefusedError(HTTPStatus.BAD_REQUEST, "E_HTTP", "This is not a request of HTTP/1.1.")
_LONG_HEAD = RefusedError(
    HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE, "E_HEAD", f"At most {HEAD_LIMIT // 1024} KB of headers are taken."
)
_LATE = RefusedError(HTTPStatus.REQUEST_TIMEOUT, "E_LATE", f"The request has not come within {PATIENCE:g} seconds.")
_TOO_MANY_AHEAD = RefusedError(
    HTTPStatus.SERVICE_UNAVAILABLE, OVERLOADED, f"At most {MOST_AHEAD} requests are taken before one is answered."
)
_TOO_MANY = RefusedError(
    HTTPStatus.SERVICE_UNAVAILABLE, OVERLOADED, "This address holds as many connections as it may; close some of them."
)


@dataclass(frozen=True)
class Door:
    """The connections that are held, by the address that holds them; `most` is how many one may hold."""

    most: int | None = None
    held: Counter[str] = field(default_factory=Counter)


class Connection(HttpToolsProtocol):
    """uvicorn's connection, which does not wait for ever."""

    def __init__(self, *arguments: Any, door: Door, short_way: ShortWay | None = None, **named: Any) -> None:
        super().__init__(*arguments, **named)
        self._door = door
        self._short_way = short_way
        self._address = ""
        self._awaited_since: float | None = None
        """When the request that isn't all there began; None between requests."""
        self._head: int | None = None
        """Bytes that have come of a head that isn't all there, but for those that come now; None outside one."""
        self._coming = 0
        self._has_ended = False
        """Whether a request has ended in what comes now."""
        self._refusal = _NOT_HTTP
        self._last_words: RefusedError | None = None
        """What is refused once all before it is answered."""
        self._before: Any = None
        """The request before that of `cycle`."""
        self._is_whole = True
        """Whether all of the request of `cycle` has come."""
        self._in_work: Any = None
        self._at_once = 0
        """How many of what comes now were answered or begun without a task."""
        self._unread_since: float | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._awaited_since = self.loop.time()
        self._address = self.client[0] if self.client else ""
        self._door.held[self._address] += 1
        if self._door.most is not None and self._door.held[self._address] > self._door.most:
            self._refuse(_TOO_MANY)

    def connection_lost(self, exc: Exception | None) -> None:
        super().connection_lost(exc)
        # uvicorn tells the newest alone
        for cycle in (self._in_work, *(cycle for cycle, _ in self.pipeline)):
            if cycle is not None and not cycle.response_complete:
                cycle.disconnected = True
                cycle.message_event.set()
        self._door.held[self._address] -= 1
        if not self._door.held[self._address]:
            del self._door.held[self._address]

    def data_received(self, data: bytes) -> None:
        if self.transport.is_closing() or self._last_words is not None:
            return
        self._at_once = 0
        if (exchange := self._whole(data)) is not None:
            self._unset_keepalive_if_required()
            self._awaited_since, self.cycle = None, exchange  # type: ignore[assignment]
            self._answer(exchange)
            return
        self._coming, self._has_ended = len(data), False
        super().data_received(data)
        # of a head behind the end of a request, nobody says where it began
        if self._head is not None and not self._has_ended:
            self._head += len(data)
            if self._head > HEAD_LIMIT:
                self._refuse(_LONG_HEAD)
        if self._awaited_since is None and not self._is_answering and not self._has_ended:
            # an empty line, with which nothing begins
            self._awaited_since = self.loop.time()

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self._awaited_since = self.loop.time()
        self._head = 0

    def on_header(self, name: bytes, value: bytes) -> None:
        # what follows a body in chunks is no head: it isn't bounded as one, nor seen by who stands before the service
        if self._head is not None:
            super().on_header(name, value)

    def on_headers_complete(self) -> None:
        most, self._head = (self._head or 0) + self._coming, None
        # the body may have come with it
        if most > HEAD_LIMIT and len(self.url) + sum(map(len, chain.from_iterable(self.headers))) > HEAD_LIMIT:
            self._refusal = _LONG_HEAD
            raise httptools.HttpParserError
        if len(self.pipeline) >= MOST_AHEAD:
            self._refusal = _TOO_MANY_AHEAD
            raise httptools.HttpParserError
        self._before, exchange = self.cycle, self._exchange()
        if exchange is None:
            super().on_headers_complete()
        else:
            self.cycle = exchange  # type: ignore[assignment]
        self._is_whole = False

    def _whole(self, data: bytes) -> Exchange | None:
        """The request that `data` is all of, where nothing else is in work, and its head needs no parsing."""
        is_between = self._head is None and self._is_whole and not self._is_answering
        if self._short_way is None or not is_between or self.flow.write_paused:
            return None
        head = self._short_way.heads.of(data)
        if head is None:
            return None
        exchange = Exchange(self, head.scope, head.way, self._short_way.witness, head.keep_alive)
        exchange.body, exchange.more_body = data[head.size :], False
        return exchange

    def _exchange(self) -> Exchange | None:
        """The request whose head has come, if it is answered past ASGI."""
        if self._short_way is None or self.parser.get_method() != b"POST" or self.parser.get_http_version() != "1.1":
            return None
        way = self._short_way.way(self.url, self.headers)
        if way is None:
            return None
        self.scope["method"], self.scope["query_string"] = "POST", b""
        scope = cast("Scope", self.scope)
        return Exchange(self, scope, way, self._short_way.witness, self.parser.should_keep_alive())

    def on_message_complete(self) -> None:
        super().on_message_complete()
        is_answering, self._before = self._is_answering, None
        self._awaited_since, self._is_whole, self._has_ended = None, True, True
        if isinstance(self.cycle, Exchange):
            if is_answering:
                self.flow.pause_reading()
                self.pipeline.appendleft((self.cycle, self.app))
            else:
                self._answer(self.cycle)

    def _answer(self, exchange: Exchange) -> None:
        self._in_work = exchange
        self._at_once += 1
        # a task waits until what was answered before is read, and lets others in
        if self.flow.write_paused or self._at_once > MOST_AT_ONCE:
            self._start_asgi_task(exchange, self.app)
        elif exchange.way.is_full():
            exchange.refuse()
        elif exchange.way.soon is None or not exchange.answer_soon(exchange.way.soon):
            self._start_asgi_task(exchange, self.app)

    @property
    def _is_answering(self) -> bool:
        """Whether something that has come as a whole isn't answered yet."""
        last = self.cycle if self._is_whole else self._before
        return last is not None and not last.response_complete

    def _start_asgi_task(self, cycle: Any, app: Any) -> None:
        self._in_work = cycle
        super()._start_asgi_task(cycle, app)

    def on_response_complete(self) -> None:
        super().on_response_complete()
        if self.transport.is_closing():
            return
        if self.pipeline or self._last_words is not None:
            self.flow.pause_reading()
        if self._last_words is not None and not self._is_answering:
            self._refuse(self._last_words)

    def pause_writing(self) -> None:
        super().pause_writing()
        self._unread_since = self.loop.time()

    def resume_writing(self) -> None:
        super().resume_writing()
        self._unread_since = None

    def send_400_response(self, msg: str) -> None:  # noqa: ARG002  uvicorn's words; the refusal has its own
        self._refuse(self._refusal)

    def end_if_late(self, now: float) -> None:
        """Close the connection if the request that it began hasn't come in time, or an answer isn't read."""
        if self._unread_since is not None and now >= self._unread_since + STUCK:
            self.transport.abort()
        if self._awaited_since is None or now < self._awaited_since + PATIENCE or self.transport.is_closing():
            return
        if self._head is not None or not (self._is_whole or self.cycle.response_started):
            self._refuse(_LATE)
        elif not self._is_answering:
            self.transport.close()

    def _refuse(self, refused: RefusedError) -> None:
        """Write a refusal past the application, which has no request yet or waits for the rest of it, and close.

        First all that has come before it is answered.
        """
        if self._is_answering:
            self._last_words, self._awaited_since = refused, None
            if not self._is_whole:
                self.pipeline = deque(waiting for waiting in self.pipeline if waiting[0] is not self.cycle)
                self.cycle, self._is_whole = self._before, True
            self.flow.pause_reading()
            return
        self.transport.write(refused.reply().over_http([(b"connection", b"close")]))
        self.transport.close()
