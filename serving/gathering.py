"""Natural micro-batching: what waits while the worker is busy is its next batch; nothing waits for a timer."""

import asyncio
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Generic, TypeVar

Item = TypeVar("Item")
Answer = TypeVar("Answer")


class FullError(Exception):
    """As much waits as may wait; what is asked now is not taken."""


@dataclass(frozen=True)
class _Asked(Generic[Item, Answer]):
    items: Sequence[Item]
    answers: "asyncio.Future[Sequence[Answer]]"


class Gatherer(Generic[Item, Answer]):
    """Hands the items of many askers to `work`, one batch at a time, in a thread of its own; used from one event loop.

    `work` gives an answer for each item, in their order. What is asked at once stays together: a batch is what was
    asked first, and all that was asked after it up to `largest` items. At most `most_waiting` items wait.
    """

    def __init__(
        self, work: Callable[[Sequence[Item]], Sequence[Answer]], largest: int = 256, most_waiting: int = 1024
    ) -> None:
        self.work = work
        self.largest = largest
        self.most_waiting = most_waiting
        self._waiting: deque[_Asked[Item, Answer]] = deque()
        self._items_waiting = 0
        self._is_working = False
        self._worker = ThreadPoolExecutor(1, "batch")

    @property
    def is_full(self) -> bool:
        return self._items_waiting >= self.most_waiting

    @property
    def waiting(self) -> int:
        """How many items wait."""
        return self._items_waiting

    def ask(self, items: Sequence[Item]) -> "asyncio.Future[Sequence[Answer]]":
        """The answers to `items`, which come with the batch that they are in, or fail with it.

        Raises:
            FullError: `items` would be more than may wait.
        """
        if self._items_waiting + len(items) > self.most_waiting:
            raise FullError
        loop = asyncio.get_running_loop()
        asked = _Asked(items, loop.create_future())
        self._waiting.append(asked)
        self._items_waiting += len(items)
        if not self._is_working:
            self._is_working = True
            # at the end of this turn of the loop: whoever else asks in it is in the same batch
            loop.call_soon(self._begin, loop)
        return asked.answers

    def close(self) -> None:
        """Wait for the batch in work; nothing can be asked afterwards."""
        self._worker.shutdown()

    def _begin(self, loop: asyncio.AbstractEventLoop) -> None:
        batch = self._take()
        if not batch:
            self._is_working = False
            return
        items = [item for asked in batch for item in asked.items]
        working = loop.run_in_executor(self._worker, self.work, items)
        working.add_done_callback(lambda done: self._finish(loop, batch, done))

    def _take(self) -> list[_Asked[Item, Answer]]:
        """The next batch; who has gone away meanwhile is left out."""
        batch: list[_Asked[Item, Answer]] = []
        size = 0
        while self._waiting and (not batch or size + len(self._waiting[0].items) <= self.largest):
            asked = self._waiting.popleft()
            self._items_waiting -= len(asked.items)
            if not asked.answers.cancelled():
                batch.append(asked)
                size += len(asked.items)
        return batch

    def _finish(
        self,
        loop: asyncio.AbstractEventLoop,
        batch: Sequence[_Asked[Item, Answer]],
        done: "asyncio.Future[Sequence[Answer]]",
    ) -> None:
        self._begin(loop)
        error = done.exception()
        position = 0
        for asked in batch:
            following = position + len(asked.items)
            if asked.answers.cancelled():
                pass
            elif error is not None:
                asked.answers.set_exception(error)
            else:
                asked.answers.set_result(done.result()[position:following])
            position = following
