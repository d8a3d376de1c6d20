"""When a live session is scored, and when its flag is acted on: the policies of case study 000, by name.

Pure: a policy knows the times and the number of the visitor's acts, and nothing of their meaning. Times are
microseconds UTC; a session is only ever scored at an act.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, Protocol

from serving.clock import SECOND

PolicyName = Literal["time_based", "interval", "batch_flag", "sequential"]


class Progress(Protocol):
    """How far a session has come: its acts, the times of the first and the last one, and when it was last due."""

    @property
    def acts(self) -> int: ...
    @property
    def began_at(self) -> int: ...
    @property
    def acted_at(self) -> int: ...
    @property
    def due_at(self) -> int | None: ...


class SessionPolicy(Protocol):
    """`acts_at_once`: a flag to show is acted on where it is raised; otherwise at the exit."""

    @property
    def acts_at_once(self) -> bool: ...

    def is_due(self, progress: Progress) -> bool:
        """Whether the session is scored at the act it has come to."""
        ...


@dataclass(frozen=True)
class TimeBased:
    """Policy 1: once, and acted on at once, when the session has lasted as long as sessions last before their exit."""

    length: int = 60 * SECOND
    acts_at_once: bool = True

    def is_due(self, progress: Progress) -> bool:
        return progress.due_at is None and progress.acted_at - progress.began_at >= self.length


@dataclass(frozen=True)
class Interval:
    """Policy 2: at the first act after each five seconds, and acted on at once."""

    every: int = 5 * SECOND
    acts_at_once: bool = True

    def is_due(self, progress: Progress) -> bool:
        since = progress.began_at if progress.due_at is None else progress.due_at
        return progress.acted_at - since >= self.every


@dataclass(frozen=True)
class BatchFlag:
    """Policy 3: once, as the session begins; the flag is acted on at the exit."""

    acts_at_once: bool = False

    def is_due(self, progress: Progress) -> bool:
        return progress.due_at is None


@dataclass(frozen=True)
class Sequential:
    """Policy 4: at every second act; the latest flag is acted on at the exit."""

    every: int = 2
    acts_at_once: bool = False

    def is_due(self, progress: Progress) -> bool:
        return progress.acts % self.every == 0


POLICIES: Mapping[str, SessionPolicy] = {
    "time_based": TimeBased(),
    "interval": Interval(),
    "batch_flag": BatchFlag(),
    "sequential": Sequential(),
}
DEFAULT: PolicyName = "sequential"
