"""Sees every request: names it, times it, and tells of what went wrong."""

import logging
import random
import re
import time
from collections.abc import Callable
from contextvars import ContextVar

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from serving.front import header
from serving.metrics import Metrics

log = logging.getLogger(__name__)

_ID = re.compile(rb"[A-Za-z0-9._-]{1,64}")
_OTHER = "other"


class Witnessed:
    """A request in work; it has the id that its client gave it, or one that is made when it is needed."""

    __slots__ = ("_id", "is_named")

    def __init__(self, given: bytes) -> None:
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
    """ASGI middleware around all others; `address_of` names the address of a path that no route answers."""

    def __init__(self, app: ASGIApp, metrics: Metrics, address_of: Callable[[str], str | None]) -> None:
        self.app = app
        self.metrics = metrics
        self.address_of = address_of
        self._told_at: dict[tuple[str, int], float] = {}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        begun, status = time.perf_counter(), 0
        request = Witnessed(header(scope, b"x-request-id") or b"")
        current.set(request)

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
                self._note(scope, status, time.perf_counter() - begun)

    def _note(self, scope: Scope, status: int, seconds: float) -> None:
        address = self.address_of(scope["path"]) or str(getattr(scope.get("route"), "path", _OTHER))
        self.metrics.answered(address, status, seconds)
        if status >= 500:
            self._tell(scope["method"], address, status, seconds)

    def _tell(self, method: str, address: str, status: int, seconds: float) -> None:
        """Once a second for each address and status, since what goes wrong does so for everybody."""
        now = time.monotonic()
        if now >= self._told_at.get((address, status), 0.0) + 1.0:
            self._told_at[address, status] = now
            log.warning("%s %s was answered by %d after %.0f ms", method, address, status, 1000 * seconds)
