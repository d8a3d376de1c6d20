"""Minutes at half load: does anything fail, and does memory grow?

    python -m benchmarks.serving_soak [MINUTES]

A redis-server, the decision service and a load generator beside it, as in `benchmarks.serving`. What it bears is
measured first; then half of it arrives at random for MINUTES (10), a row a minute. Below each stands how long the
service took for the steps of a batch. Writes .tactful/bench/serving_soak.json.
"""

import json
import sys
import tempfile
from collections import Counter
from dataclasses import asdict
from pathlib import Path

import httpx
from prometheus_client.parser import text_string_to_metric_families

from benchmarks.serving import Bench, Measured
from benchmarks.serving_processes import Running, ours, service
from benchmarks.serving_shop import build
from tests.redis_server import redis_server

FILE = Path(".tactful") / "bench" / "serving_soak.json"
STEPS = "tactful_step_seconds"


def main() -> None:
    """Measure, print and write."""
    minutes = int(sys.argv[1]) if len(sys.argv) > 1 else 10
    FILE.parent.mkdir(parents=True, exist_ok=True)
    bench, rows = Bench(60.0), list[Measured]()
    with tempfile.TemporaryDirectory(dir=FILE.parent) as folder, redis_server(Path(folder)) as address:
        shop = build(Path(folder).absolute() / "redis", {"type": "redis", "connection_string": address})
        with service(shop, ours) as running:
            half = bench.ask("64 connections", shop, running, 64).decisions / 2
            for minute in range(minutes):
                before = steps(running)
                rows.append(bench.ask(f"minute {minute + 1}", shop, running, 512, rate=half))
                print(told(steps(running) - before), flush=True)
    wrong = sum(count for row in rows for status, count in row.answered.statuses.items() if status != 200)
    fallbacks = sum(row.answered.fallbacks for row in rows)
    decided = sum(row.answered.decided for row in rows)
    print(
        f"{decided:,} decisions at {half:,.0f} a second: {wrong:,} not answered by 200, {fallbacks:,} without a score; "
        f"{rows[0].mebibytes:.0f} MB after the first minute, {rows[-1].mebibytes:.0f} MB at the end."
    )
    FILE.write_text(json.dumps({"half": half, "minutes": [asdict(row) for row in rows]}, indent=1))
    print(f"All of it is in {FILE}.")


def steps(running: Running) -> Counter[tuple[str, str]]:
    """How often a service has taken each step, by the step and the most seconds that it took then, or `+Inf`."""
    metrics = httpx.get(f"http://127.0.0.1:{running.port}/metrics", timeout=60).text
    return Counter(
        {
            (each.labels["step"], each.labels["le"]): int(each.value)
            for family in text_string_to_metric_families(metrics)
            for each in family.samples
            if each.name == f"{STEPS}_bucket"
        }
    )


def told(taken: Counter[tuple[str, str]]) -> str:
    """Of each step, within how many milliseconds half of all times it was taken, and 99 % of them."""
    lines = []
    for step in dict.fromkeys(step for step, _ in taken):
        within = {float(most): count for (name, most), count in taken.items() if name == step}
        times = within[float("inf")]
        half, most = (min(least for least, count in within.items() if count >= share * times) for share in (0.5, 0.99))
        lines.append(f"{step} {times:,} times, half within {1000 * half:g} ms, 99 % within {1000 * most:g} ms")
    return "    " + "; ".join(lines)


if __name__ == "__main__":
    main()
