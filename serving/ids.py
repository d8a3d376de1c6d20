"""Ids of decisions: UUIDs of version 7 (RFC 9562), which lie in the order of time.

Rows that are put on record one after the other so lie beside each other in its index too, and a flush writes few pages.
"""

import os
import time


def decision_ids(count: int) -> list[str]:
    """New ids; each call of the system for random bytes lets other threads in, so there is one for all."""
    time_part = f"{time.time_ns() // 1_000_000:012x}"
    head = f"{time_part[:8]}-{time_part[8:]}-7"
    random = os.urandom(10 * count).hex()
    return [
        f"{head}{random[at : at + 3]}-{'89ab'[int(random[at + 3], 16) % 4]}{random[at + 4 : at + 7]}-"
        f"{random[at + 7 : at + 19]}"
        for at in range(0, 20 * count, 20)
    ]
