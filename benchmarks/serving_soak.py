"""Minutes at half load: does anything fail, and does memory grow?

    python -m benchmarks.serving_soak [MINUTES]

A redis-server, the decision service and a load generator beside it, as in `benchmarks.serving`. What it bears is
measured first; then half of it arrives at random for MINUTES (10), a row a minute. Writes
.tactful/bench/serving_soak.json.
"""

import json
import sys
import tempfile
from dataclasses import asdict
from pathlib import Path

from benchmarks.serving import Bench
from benchmarks.serving_processes import ours, service
from benchmarks.serving_shop import build
from tests.redis_server import redis_server

FILE = Path(".tactful") / "bench" / "serving_soak.json"


def main() -> None:
    """Measure, print and write."""
    minutes = int(sys.argv[1]) if len(sys.argv) > 1 else 10
    FILE.parent.mkdir(parents=True, exist_ok=True)
    bench = Bench(60.0)
    with tempfile.TemporaryDirectory(dir=FILE.parent) as folder, redis_server(Path(folder)) as address:
        shop = build(Path(folder).absolute() / "redis", {"type": "redis", "connection_string": address})
        with service(shop, ours) as running:
            half = bench.ask("64 connections", shop, running, 64).decisions / 2
            rows = [bench.ask(f"minute {each + 1}", shop, running, 512, rate=half) for each in range(minutes)]
    wrong = sum(count for row in rows for status, count in row.answered.statuses.items() if status != 200)
    fallbacks = sum(row.answered.fallbacks for row in rows)
    decided = sum(row.answered.decided for row in rows)
    print(
        f"{decided:,} decisions at {half:,.0f} a second: {wrong:,} not answered by 200, {fallbacks:,} without a score; "
        f"{rows[0].mebibytes:.0f} MB after the first minute, {rows[-1].mebibytes:.0f} MB at the end."
    )
    FILE.write_text(json.dumps({"half": half, "minutes": [asdict(row) for row in rows]}, indent=1))
    print(f"All of it is in {FILE}.")


if __name__ == "__main__":
    main()
