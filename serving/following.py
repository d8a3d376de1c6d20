"""What may change while the service runs, read again and again off the requests' path."""

import logging
import threading
from collections.abc import Callable
from typing import Generic, Self, TypeVar

Value = TypeVar("Value")

log = logging.getLogger(__name__)


class Followed(Generic[Value]):
    """What `read` gave last; every `interval` seconds it is read again, and what can't be read leaves it as it is.

    `read` raises ValueError or OSError where it can't; the first time, that is the caller's.
    """

    def __init__(self, read: Callable[[], Value], interval: float = 2.0) -> None:
        self.read = read
        self.interval = interval
        self.value = read()
        self._problem = ""
        self._stopped = threading.Event()
        self._watch = threading.Thread(target=self._follow, name="following", daemon=True)

    def __enter__(self) -> Self:
        self._watch.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stopped.set()
        # a database that hangs must not hold up the end
        self._watch.join(self.interval)

    def refresh(self) -> None:
        """Read once."""
        try:
            self.value, self._problem = self.read(), ""
        except (ValueError, OSError) as error:
            if str(error) != self._problem:
                log.warning("What was known before goes on: %s", error)
            self._problem = str(error)

    def _follow(self) -> None:
        while not self._stopped.wait(self.interval):
            self.refresh()
