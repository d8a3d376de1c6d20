"""What has still to come, and is told in the turn of the event loop in which it comes.

A future tells a turn later, after all that has come over connections meanwhile: where much is asked, that takes long.
"""

import asyncio
import logging
from collections.abc import Callable, Generator
from contextvars import Context, copy_context
from typing import Any, Generic, TypeVar

log = logging.getLogger(__name__)

Value = TypeVar("Value")


class Coming(Generic[Value]):
    """A value that comes later, or why it doesn't; for one who waits, by `add_done_callback` or by awaiting it.

    Its methods are those of a future, but that what is cancelled is told nobody.
    """

    __slots__ = ("_callback", "_context", "_error", "_has_come", "_is_cancelled", "_value")

    def __init__(self) -> None:
        self._callback: Callable[[Coming[Value]], None] | None = None
        self._context: Context | None = None
        self._value: Value | None = None
        self._error: Exception | None = None
        self._has_come = self._is_cancelled = False

    def add_done_callback(self, callback: "Callable[[Coming[Value]], None]") -> None:
        """Call `callback` once it has come, at once if it has, in this context; the last one counts."""
        self._callback, self._context = callback, copy_context()
        if self._has_come:
            self._tell()

    def cancel(self, msg: Any = None) -> bool:  # noqa: ARG002  as a future's
        """Say that nobody waits any more."""
        self._is_cancelled = True
        return True

    def cancelled(self) -> bool:
        return self._is_cancelled

    def set_result(self, value: Value) -> None:
        self._value, self._has_come = value, True
        self._tell()

    def set_exception(self, error: Exception) -> None:
        self._error, self._has_come = error, True
        self._tell()

    def result(self) -> Value:
        """The value; raises what took its place."""
        if self._error is not None:
            raise self._error
        return self._value  # type: ignore[return-value]

    def _tell(self) -> None:
        if self._callback is None or self._context is None or self._is_cancelled:
            return
        try:
            self._context.run(self._callback, self)
        except Exception:
            # others of the same batch are told after it
            log.exception("What has come can't be told")

    def __await__(self) -> Generator[Any, None, Value]:
        come: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.add_done_callback(lambda _: None if come.done() else come.set_result(None))
        try:
            yield from come
        except asyncio.CancelledError:
            self.cancel()
            raise
        return self.result()
