"""Server-sent events: a live session's flag, pushed to who listens whenever it changes."""

import asyncio
from collections import Counter, defaultdict
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import suppress

import msgspec
from starlette.responses import StreamingResponse
from starlette.types import Receive, Scope, Send

from serving.problems import overloaded
from serving.session_state import Flag, Session, owner_of
from serving.session_stores import SessionsUnavailableError

KEEP_ALIVE = 15.0
"""Seconds without a word after which a proxy might take a connection for dead."""

_encode = msgspec.json.Encoder().encode


class Listeners:
    """Who listens to which session, at most `most` in all, half of them of one client; used from one event loop."""

    def __init__(self, most: int = 1_000, keep_alive: float = KEEP_ALIVE) -> None:
        self.most = most
        self.keep_alive = keep_alive
        self.is_ending = False
        self._listening: defaultdict[str, set[asyncio.Event]] = defaultdict(set)
        self._counts: Counter[str] = Counter()

    def join(self, key: str) -> asyncio.Event:
        """What is set whenever the session of `key` has changed, until it is given to `leave`.

        Raises:
            RefusedError: as many listen as may listen (503).
        """
        owner, share = owner_of(key), (self.most + 1) // 2
        if self._counts.total() >= self.most or self._counts[owner] >= share or self.is_ending:
            raise overloaded()
        changed = asyncio.Event()
        self._listening[key].add(changed)
        self._counts[owner] += 1
        return changed

    def leave(self, key: str, changed: asyncio.Event) -> None:
        """Listen no more."""
        self._listening[key].discard(changed)
        self._counts -= Counter([owner_of(key)])
        if not self._listening[key]:
            del self._listening[key]

    def tell(self, key: str) -> None:
        """The session of `key` has changed."""
        for changed in self._listening.get(key, ()):
            changed.set()

    def end(self) -> None:
        """Send everybody home: the service is about to stop."""
        self.is_ending = True
        for key in list(self._listening):
            self.tell(key)


class FlagStream(StreamingResponse):
    """The flags of the session that `find` finds, as `told` tells them, until it is decided about or can't be found.

    Only then it says that this is the end; where the service stops, it just closes.

    Raises:
        RefusedError: as many listen as may listen (503).
    """

    def __init__(
        self,
        listeners: Listeners,
        key: str,
        find: Callable[[str], Awaitable[Session | None]],
        told: Callable[[Flag], object],
    ) -> None:
        self.listeners = listeners
        self.key = key
        self.find = find
        self.told = told
        self.changed = listeners.join(key)
        super().__init__(self._events(), media_type="text/event-stream", headers={"cache-control": "no-store"})

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            await super().__call__(scope, receive, send)
        finally:
            self.listeners.leave(self.key, self.changed)

    async def _events(self) -> AsyncIterator[bytes]:
        pushed: Flag | None = None
        while not self.listeners.is_ending and (session := await self._found()):
            if session.flag is not None and session.flag != pushed:
                pushed = session.flag
                yield _event("flag", self.told(pushed))
            else:
                yield b": nothing new\n\n"
            if session.decision_id is not None:
                break
            with suppress(TimeoutError):
                await asyncio.wait_for(self.changed.wait(), self.listeners.keep_alive)
        # whom a service that stops sends home comes back to the next one, and hears there how the session goes on
        if not self.listeners.is_ending:
            yield _event("end", {})

    async def _found(self) -> Session | None:
        # what changes while it is looked for is looked for again
        self.changed.clear()
        with suppress(SessionsUnavailableError):
            return await self.find(self.key)
        return None


def _event(name: str, data: object) -> bytes:
    return b"event: %s\ndata: %s\n\n" % (name.encode(), _encode(data))
