"""Natural micro-batching: what waits while the worker is busy is its next batch; nothing waits for a timer."""

import asyncio
import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from threading import Condition, Thread
from typing import Generic, TypeVar

from serving.coming import Coming

Item = TypeVar("Item")
Answer = TypeVar("Answer")


class FullError(Exception):
    """As much waits as may wait; what is asked now is not taken."""


@dataclass(slots=True)
class _Asked(Generic[Item, Answer]):
    items: Sequence[Item]
    answers: Coming[Sequence[Answer]]
    since: float


@dataclass(frozen=True)
class Bounds:
    """How much may wait: `most_waiting` items, and a batch no longer than `longest_wait` seconds.

    Batches may be later than that for `patience` seconds. A disk that stands still for a moment makes them late for as
    long as it takes to catch up; too much that is asked makes them late for good.
    """

    most_waiting: int = 1024
    longest_wait: float = 0.1
    patience: float = 0.5


class Gatherer(Generic[Item, Answer]):
    """Hands the items of many askers to `work`, one batch at a time, in a thread of its own; used from one event loop.

    `work` gives an answer for each item, in their order. What is asked at once stays together: a batch is what was
    asked first, and all that was asked after it up to `largest` items.

    It is full when as many wait as may wait, or a late batch where batches have been late for longer than may be: who
    is taken is answered soon, and the others are told to come back.
    """

    def __init__(
        self,
        work: Callable[[Sequence[Item]], Sequence[Answer]],
        largest: int = 256,
        bounds: Bounds | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.work = work
        self.largest = largest
        self.bounds = bounds or Bounds()
        self.clock = clock
        self._waiting: deque[_Asked[Item, Answer]] = deque()
        self._items_waiting = 0
        self._changed = Condition()
        self._is_idle = True
        self._is_closed = False
        self._late_since: float | None = None
        """When the first of those batches began that have all been late since."""
        self._worker: Thread | None = None

    @property
    def is_full(self) -> bool:
        if self._items_waiting < min(self.largest, self.bounds.most_waiting):
            return False
        with self._changed:
            if self._items_waiting >= self.bounds.most_waiting:
                return True
            if not self._waiting:
                return False
            now, first = self.clock(), self._waiting[0]
            # where nothing begins any more, what waits first is late by itself
            late_since = first.since + self.bounds.longest_wait if self._late_since is None else self._late_since
            return self._is_late(first, now) and now - late_since >= self.bounds.patience

    def _is_late(self, asked: _Asked[Item, Answer], now: float) -> bool:
        return now - asked.since >= self.bounds.longest_wait

    @property
    def waiting(self) -> int:
        """How many items wait."""
        return self._items_waiting

    def ask(self, items: Sequence[Item]) -> Coming[Sequence[Answer]]:
        """The answers to `items`, which come with the batch that they are in, or fail with it.

        Raises:
            FullError: as many wait as may wait, or it is closed.
        """
        if self.is_full or self._is_closed:
            raise FullError
        loop = asyncio.get_running_loop()
        if self._worker is None:
            self._worker = Thread(target=self._work_on, args=[loop], name="batch")
            self._worker.start()
        asked = _Asked[Item, Answer](items, Coming(), self.clock())
        with self._changed:
            self._waiting.append(asked)
            self._items_waiting += len(items)
            is_idle, self._is_idle = self._is_idle, False
        if is_idle:
            # at the end of this turn of the loop: whoever else asks in it is in the same batch
            loop.call_soon(self._wake)
        return asked.answers

    def close(self) -> None:
        """Wait for the batches that are asked for; nothing can be asked afterwards."""
        self._is_closed = True
        self._wake()
        if self._worker is not None:
            self._worker.join()

    def _wake(self) -> None:
        with self._changed:
            self._changed.notify()

    def _work_on(self, loop: asyncio.AbstractEventLoop) -> None:
        # the next batch begins without the event loop, of which a turn takes long when much is asked
        while batch := self._take():
            answers: Sequence[Answer] | Exception
            try:
                answers = self.work([item for asked in batch for item in asked.items])
            except Exception as error:
                answers = error
            loop.call_soon_threadsafe(_deliver, batch, answers)

    def _note(self, first: _Asked[Item, Answer]) -> None:
        now = self.clock()
        if not self._is_late(first, now):
            self._late_since = None
        elif self._late_since is None:
            self._late_since = now

    def _take(self) -> list[_Asked[Item, Answer]]:
        """The next batch, once there is one, without who has gone away meanwhile; none at the end."""
        with self._changed:
            while True:
                batch: list[_Asked[Item, Answer]] = []
                size = 0
                while self._waiting and (not batch or size + len(self._waiting[0].items) <= self.largest):
                    asked = self._waiting.popleft()
                    self._items_waiting -= len(asked.items)
                    if not asked.answers.cancelled():
                        batch.append(asked)
                        size += len(asked.items)
                if batch:
                    self._note(batch[0])
                if batch or self._is_closed:
                    return batch
                self._is_idle = True
                self._changed.wait()


def _deliver(batch: Sequence[_Asked[Item, Answer]], answers: Sequence[Answer] | Exception) -> None:
    position = 0
    for asked in batch:
        following = position + len(asked.items)
        if asked.answers.cancelled():
            pass
        elif isinstance(answers, Exception):
            asked.answers.set_exception(answers)
        else:
            asked.answers.set_result(answers[position:following])
        position = following
