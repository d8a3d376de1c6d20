"""Where live sessions are kept: what any such place does, and this process's memory, with a file to come back from."""

import asyncio
import logging
import sqlite3
import time
from collections import OrderedDict, defaultdict
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Protocol, Self, TypeVar

import msgspec

from serving.clock import SECOND, microseconds
from serving.session_file import SavedSession, SessionFile
from serving.session_state import Session, owner_of

log = logging.getLogger(__name__)

SAVED_EVERY = 5.0
"""Seconds: what a killed process forgets."""

AT_ONCE = 200
"""Sessions that are written down between two turns of the event loop: some milliseconds' work."""

Result = TypeVar("Result")
Change = Callable[[Session | None], tuple[Session | None, Result]]
"""What makes of a session, if there is one, the session to keep, if any, and what came of it; it may be done again."""


class SessionsUnavailableError(Exception):
    """Live sessions can't be read or kept now."""


class Sessions(Protocol):
    """Live sessions by key; one that nothing changes for as long as sessions last is forgotten."""

    async def __aenter__(self) -> Self: ...
    async def __aexit__(self, *_: object) -> None: ...

    async def find(self, key: str) -> Session | None:
        """The session as it is kept.

        Raises:
            SessionsUnavailableError: it can't be read.
        """
        ...

    async def change(self, key: str, change: Change[Result]) -> Result:
        """What came of `change`, which nobody else changed the session during.

        Raises:
            SessionsUnavailableError: the session is as it was.
        """
        ...

    async def erase(self, user_pseudo_id: str) -> Sequence[str]:
        """The keys of a user's sessions, which are there no more.

        Raises:
            SessionsUnavailableError: some of them may still be there.
        """
        ...

    def check(self) -> None:
        """Raises SessionsUnavailableError unless a session could be kept; asked from any thread."""
        ...


@dataclass
class _Kept:
    session: Session
    touched: float


class SessionsInMemory:
    """Sessions of one process; used from one event loop, which they never wait in.

    Each is kept `idle_seconds` after its last change. Where there are more than `at_most`, the client that has most of
    them loses its oldest, so that none pushes out another's. Every five seconds, and at the end, what has changed is
    written to `file`, if any, from which the next process goes on.
    """

    def __init__(
        self,
        file: SessionFile | None = None,
        at_most: int = 100_000,
        idle_seconds: float = 1800.0,
        clock: Callable[[], float] = time.monotonic,
        now: Callable[[], int] = microseconds,
    ) -> None:
        self.file = file
        self.at_most = at_most
        self.idle_seconds = idle_seconds
        self.clock = clock
        self.now = now
        self._kept: OrderedDict[str, _Kept] = OrderedDict()
        self._keys_of: defaultdict[str, OrderedDict[str, None]] = defaultdict(OrderedDict)
        self._changed: set[str] = set()
        self._saving: asyncio.Task[None] | None = None
        self._writing = asyncio.Lock()

    async def __aenter__(self) -> Self:
        if self.file is not None:
            self._restore(self.file)
            self._saving = asyncio.create_task(self._save_again_and_again())
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._saving is not None:
            self._saving.cancel()
            with suppress(asyncio.CancelledError):
                await self._saving
        await self.save()

    async def find(self, key: str) -> Session | None:
        return self._find(key)

    async def change(self, key: str, change: Change[Result]) -> Result:
        return self.change_now(key, change)

    def change_now(self, key: str, change: Change[Result]) -> Result:
        """As `change`, for which nothing has to be awaited here."""
        session, result = change(self._find(key))
        if session is not None:
            self._keep(key, _Kept(session, self.clock()))
            self._changed.add(key)
            self._forget()
        return result

    async def erase(self, user_pseudo_id: str) -> Sequence[str]:
        theirs = [key for key, kept in self._kept.items() if kept.session.user_pseudo_id == user_pseudo_id]
        for key in theirs:
            self._drop(key)
        # a process that is killed within the next seconds must not come back with them
        await self.save()
        return theirs

    def check(self) -> None:
        """Memory is always there; what can't be written to the file is logged."""

    async def save(self) -> None:
        """Write what has changed to the file; what can't be written now is written next time."""
        # what was changed first is written first
        async with self._writing:
            await self._save()

    async def _save(self) -> None:
        self._forget()
        if self.file is None or not self._changed:
            return
        changed, self._changed = list(self._changed), set()
        saved: list[SavedSession] = []
        for start in range(0, len(changed), AT_ONCE):
            saved += [self._saved(key) for key in changed[start : start + AT_ONCE] if key in self._kept]
            await asyncio.sleep(0)
        gone = set(changed) - {each.key for each in saved}
        try:
            await asyncio.to_thread(self.file.write, saved, gone)
        except (sqlite3.Error, OSError) as error:
            log.error("Live sessions can't be written to %s: %s", self.file.path, error)
            self._changed.update(changed)

    async def _save_again_and_again(self) -> None:
        while True:
            await asyncio.sleep(SAVED_EVERY)
            await self.save()

    def _saved(self, key: str) -> SavedSession:
        kept = self._kept[key]
        touched_at = self.now() - round((self.clock() - kept.touched) * SECOND)
        return SavedSession(key, kept.session.user_pseudo_id, touched_at, msgspec.msgpack.encode(kept.session))

    def _restore(self, file: SessionFile) -> None:
        try:
            saved = file.read()
        except (sqlite3.Error, OSError, msgspec.DecodeError) as error:
            log.error("Live sessions can't be read from %s, and begin anew: %s", file.path, error)
            return
        now, clock = self.now(), self.clock()
        for each, session in saved:
            # a clock that was set back makes nobody younger than now
            idle = max(0, now - each.touched_at) / SECOND
            self._keep(each.key, _Kept(session, clock - idle))
        self._forget()

    def _find(self, key: str) -> Session | None:
        self._forget()
        kept = self._kept.get(key)
        return kept.session if kept else None

    def _keep(self, key: str, kept: _Kept) -> None:
        self._kept[key] = kept
        self._kept.move_to_end(key)
        keys = self._keys_of[owner_of(key)]
        keys[key] = None
        keys.move_to_end(key)

    def _forget(self) -> None:
        """Let go of those that are too old, and where they are too many, of the oldest of the client that has most."""
        edge = self.clock() - self.idle_seconds
        while self._kept and next(iter(self._kept.values())).touched <= edge:
            self._drop(next(iter(self._kept)))
        while len(self._kept) > self.at_most:
            most = max(self._keys_of.values(), key=len)
            self._drop(next(iter(most)))

    def _drop(self, key: str) -> None:
        owner = owner_of(key)
        del self._kept[key], self._keys_of[owner][key]
        if not self._keys_of[owner]:
            del self._keys_of[owner]
        self._changed.add(key)
