"""Sees every request: names it, times it, and tells of what went wrong."""

import logging
import random
import re
import time
from collections.abc import Callable
from contextvars import ContextVar

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from serving.front import Way, header
from serving.metrics import Metrics

log = logging.getLogger(__name__)

_ID = re.compile(rb"[A-Za-z0-9._-]{1,64}")
_OTHER = "other"


class Witnessed:
    """A request in work; it has the id that its client gave it, or one that is made when it is needed."""

    __slots__ = ("_id", "is_named")

    def __init__(self, scope: Scope) -> None:
        given = header(scope, b"x-request-id") or b""
        self.is_named = _ID.fullmatch(given) is not None
        self._id = given.decode() if self.is_named else ""

    @property
    def id(self) -> str:
        # os.urandom would let other threads in, and nothing is kept safe by this
        self._id = self._id or f"{random.getrandbits(64):016x}"
        return self._id


current: ContextVar[Witnessed | None] = ContextVar("request", default=None)
"""The request in work, for those who log."""


class Witness:
    """Meets each request, and notes how it was answered."""

    def __init__(self, metrics: Metrics) -> None:
        self.metrics = metrics
        self._told_at: dict[tuple[str, int], float] = {}

    def met(self, scope: Scope) -> Witnessed:
        """The request that is in work from now on."""
        request = Witnessed(scope)
        current.set(request)
        return request

    def note(self, method: str, address: str, status: int, seconds: float) -> None:
        """Count an answer; of what went wrong it tells the log."""
        self.metrics.answered(address, status, seconds)
        if status >= 500:
            self._tell(method, address, status, seconds)

    def _tell(self, method: str, address: str, status: int, seconds: float) -> None:
        """Once a second for each address and status, since what goes wrong does so for everybody."""
        now = time.monotonic()
        if now >= self._told_at.get((address, status), 0.0) + 1.0:
            self._told_at[address, status] = now
            log.warning("%s %s was answered by %d after %.0f ms", method, address, status, 1000 * seconds)


class Witnessing:
    """ASGI middleware around all others: the witness of what comes to them; no route answers what `way_at` knows."""

    def __init__(self, app: ASGIApp, witness: Witness, way_at: Callable[[str], Way | None]) -> None:
        self.app = app
        self.witness = witness
        self.way_at = way_at

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        begun, status = time.perf_counter(), 0
        request = self.witness.met(scope)

        async def witnessed(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                if request.is_named or status >= 400:
                    message["headers"] = [*message["headers"], (b"x-request-id", request.id.encode())]
            await send(message)

        try:
            await self.app(scope, receive, witnessed)
        except Exception:
            # further out it is answered so
            status = 500
            raise
        finally:
            # who went away got no answer
            if status:
                self.witness.note(scope["method"], self._address(scope), status, time.perf_counter() - begun)

    def _address(self, scope: Scope) -> str:
        way = self.way_at(scope["path"])
        return way.address if way else str(getattr(scope.get("route"), "path_format", _OTHER))
