"""A circuit breaker: what failed several times in a row is left alone for a while, then tried again."""

from dataclasses import dataclass, replace
from typing import Self


@dataclass(frozen=True)
class Breaker:
    """How often something has failed since it last went well, and when it did so last.

    It is open, and lets nothing through, for `rest` seconds after each failure from the `limit`-th in a row on; one
    success closes it. Times are seconds of any one clock that never goes back.
    """

    limit: int = 3
    rest: float = 1.0
    failures: int = 0
    failed_at: float = 0.0

    def lets_through(self, now: float) -> bool:
        return self.failures < self.limit or now >= self.failed_at + self.rest

    def succeeded(self) -> Self:
        return replace(self, failures=0) if self.failures else self

    def failed(self, now: float) -> Self:
        return replace(self, failures=self.failures + 1, failed_at=now)
