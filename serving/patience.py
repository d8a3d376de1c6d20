"""Features in time or not at all: a deadline and a circuit breaker in front of the feature store."""

import logging
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Self

from feature_repo.stored_rows import StoredRows
from serving.breaker import Breaker
from serving.features import FeatureStoreReader, FeaturesUnavailableError, UnknownFeaturesError, Views

log = logging.getLogger(__name__)

READERS = 2
"""Threads that look features up: one may hang while the other finds out whether the store has come back."""


class FeaturesInTime:
    """Features of `store` within `deadline` seconds; one that keeps failing is left alone for a second."""

    def __init__(self, store: FeatureStoreReader, deadline: float, clock: Callable[[], float] = time.monotonic) -> None:
        self.store = store
        self.deadline = deadline
        self.clock = clock
        self._breaker = Breaker()
        self._logged: set[str] = set()
        self._readers = ThreadPoolExecutor(READERS, "features")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        # a thread that hangs is not waited for
        self._readers.shutdown(wait=False, cancel_futures=True)

    @property
    def is_left_alone(self) -> bool:
        """Whether the store has failed so often that it isn't asked now."""
        return not self._breaker.lets_through(self.clock())

    def read(self, users: Sequence[str], views: Views) -> Mapping[str, StoredRows]:
        if not views:
            return {}
        if self.is_left_alone:
            raise FeaturesUnavailableError("The feature store has failed again and again, and is left alone for now.")
        try:
            found = self._read(users, views)
        except UnknownFeaturesError as error:
            # the store is well: what was asked is wrong, and others ask for other features
            self._log_once(error)
            raise
        except FeaturesUnavailableError as error:
            log.warning("%s", error)
            self._breaker = self._breaker.failed(self.clock())
            raise
        self._breaker = self._breaker.succeeded()
        return found

    def erase(self, user: str) -> None:
        """As the store does; whoever asks for that waits as long as it takes."""
        self.store.erase(user)

    def _read(self, users: Sequence[str], views: Views) -> Mapping[str, StoredRows]:
        # a thread of its own costs two waits for the interpreter, and only opening a store needs one
        if (found := self.store.read_at_once(users, views)) is not None:
            return found
        reading = self._readers.submit(self.store.read, users, views)
        try:
            return reading.result(self.deadline)
        except TimeoutError:
            # one that hasn't begun would only come later still
            reading.cancel()
            milliseconds = 1000 * self.deadline
            raise FeaturesUnavailableError(f"The feature store hasn't answered within {milliseconds:g} ms.") from None

    def _log_once(self, error: UnknownFeaturesError) -> None:
        if str(error) not in self._logged:
            log.warning("%s", error)
        self._logged.add(str(error))
