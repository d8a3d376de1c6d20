"""The time of day, and how far a client's may be from it; both in microseconds UTC."""

import time

SECOND = 1_000_000
AHEAD, BEHIND = 60 * SECOND, 30 * 60 * SECOND
"""How far a client's clock may be ahead of ours, and how old what it tells: after half an hour GA4 ends a session."""


def microseconds() -> int:
    """Now, since 1970."""
    return time.time_ns() // 1000


def is_possible(time_told: int, now: int) -> bool:
    """Whether a client whose clock is near ours can tell of `time_told` at `now`."""
    return -BEHIND <= time_told - now <= AHEAD
