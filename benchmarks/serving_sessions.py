"""How many events of live sessions the service takes a second, under the policy that scores every second act.

A request is scored once at most: of one event, every second request; of two or ten, each.

    python -m benchmarks.serving_sessions [SECONDS]

A part of `benchmarks.serving`, or by itself: 25 features from SQLite, 15 sent with the session, sessions in memory.
"""

import json
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from benchmarks.serving_load import Load
from benchmarks.serving_processes import Running, ours, service
from benchmarks.serving_shop import Shop, bodies, build

NAME = "sessions, {} a request"
SESSIONS = 1_000
"""Few enough for several requests each in some seconds, and more than a thousand events in none of them."""

ASKED = 10_000
"""Events a second, with a score for every second one: those that come two a request."""


def measure(measured: Callable[[str, Running, Load, int], Any], shop: Shop, running: Running, seconds: float) -> None:
    """Sessions whose events come one, two and ten a request; `measured` is told how many there are in each."""
    for a_request in (1, 2, 10):
        path = f"/v1/sessions/{a_request}-{{place}}/events"
        load = Load(running.port, path, shop.token, _events(a_request), 64, seconds)
        measured(NAME.format(a_request), running, load, a_request)


def _events(a_request: int) -> list[bytes]:
    """A request of each session, which is sent again and again."""
    now = time.time_ns() // 1000
    happened = [{"event_name": "scroll", "event_timestamp": now - second} for second in range(a_request)]
    visitors = [json.loads(body) for body in bodies(SESSIONS)]
    return [
        json.dumps({"user_pseudo_id": each["user_pseudo_id"], "profile": each["profile"], "events": happened}).encode()
        for each in visitors
    ]


def main() -> None:
    """Measure and print."""
    from benchmarks.serving import Bench

    bench = Bench(float(sys.argv[1]) if len(sys.argv) > 1 else 5.0)
    with tempfile.TemporaryDirectory() as folder:
        shop = build(Path(folder) / "shop", {"type": "sqlite", "path": str(Path(folder) / "online.db")})
        with service(shop, ours) as running:
            measure(bench.measure, shop, running, bench.seconds)
    seen = bench.measured[NAME.format(2)].decisions
    print(f"{seen:,.0f} events a second with a score for every second one; asked: {ASKED:,}.")


if __name__ == "__main__":
    main()
