"""How many decisions a second the service makes, how soon, and beside what; a real redis-server is started here.

    python -m benchmarks.serving [SECONDS]

Each way is asked for SECONDS (5) by a load generator in a process of its own, on the same cores. Every answer has its
audit row on the disk before it, but for those of a protocol that decides nothing. What is set beside others is asked in
turn with them, three times, and told by the median one: a machine's speed changes within a minute. Writes
.tactful/bench/serving.json.
"""

import json
import os
import sys
import tempfile
from collections import defaultdict
from collections.abc import Mapping
from concurrent.futures import ProcessPoolExecutor
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from multiprocessing import get_context
from operator import attrgetter
from pathlib import Path

from benchmarks import serving_load, serving_sessions
from benchmarks.serving_load import Answered, Load
from benchmarks.serving_processes import Running, bare, one_call_each, ours, service, whole_chain
from benchmarks.serving_shop import Shop, bodies, build
from tests.redis_server import redis_server

FILE = Path(".tactful") / "bench" / "serving.json"
OVERLOAD = 5
ROUNDS = 3
"""How often ways are asked in turn."""

OURS, EACH, CHAIN, BARE = "64 connections", "FastAPI, a call each", "FastAPI, Feast, MLflow", "a bare protocol"
DOLLARS_A_CORE_HOUR = 0.04
"""A price to reckon with, about that of a core on demand in a large cloud."""

CASE_STUDY_DOLLARS = 0.10
"""What case study 002 pays for a million decisions."""

FLEET = 100_000
"""Decisions a second, case study 002's peak; cores are reckoned at half load."""


@dataclass(frozen=True)
class Measured:
    """What a way of asking gave: `decisions` a second, and those that a second of the service's processor time makes.

    `mebibytes` is what the service held in memory at the end.
    """

    decisions: float
    decisions_a_cpu_second: float
    mebibytes: float
    answered: Answered


class Bench:
    """Asks services, and keeps what they gave."""

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        self.singles = bodies(2_000)
        self.measured: dict[str, Measured] = {}

    def ask(self, name: str, shop: Shop, running: Running, connections: int, rate: float | None = None) -> Measured:
        """Single decisions."""
        load = Load(running.port, "/v1/decide", shop.token, self.singles, connections, self.seconds, rate)
        return self.measure(name, running, load, 1)

    def compare(self, shop: Shop, running: Mapping[str, Running]) -> None:
        """Single decisions over 64 connections of each that is `running`, in turn; those of median speed stay."""
        seen: defaultdict[str, list[Measured]] = defaultdict(list)
        for _ in range(ROUNDS):
            for name, each in running.items():
                seen[name].append(self.ask(name, shop, each, 64))
        self.measured |= {name: sorted(each, key=attrgetter("decisions"))[ROUNDS // 2] for name, each in seen.items()}

    def ask_batches(self, name: str, shop: Shop, running: Running, a_request: int) -> Measured:
        """Many decisions a request, four requests at a time."""
        lists = bodies(20, a_request)
        load = Load(running.port, "/v1/decide:batch", shop.token, lists, 4, self.seconds)
        return self.measure(name, running, load, a_request)

    def measure(self, name: str, running: Running, load: Load, a_request: int) -> Measured:
        """What `load` gives, of which a request asks for `a_request` decisions or holds as many events."""
        with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as generator:
            generator.submit(os.getpid).result()
            before = running.cpu_seconds()
            answered = generator.submit(serving_load.run, load).result()
            cpu = running.cpu_seconds() - before
        decisions, decided = answered.per_second * a_request, answered.decided * a_request
        measured = Measured(decisions, decided / cpu, running.mebibytes(), answered)
        self.measured[name] = measured
        print(
            f"{name:<28}{decisions:>10,.0f}{measured.decisions_a_cpu_second:>10,.0f}{answered.p50:>9.2f}"
            f"{answered.p90:>9.2f}{answered.p99:>9.2f}{answered.p99_sent:>9.2f}  {_oddities(answered)}",
            flush=True,
        )
        return measured


def _oddities(answered: Answered) -> str:
    refused = {status: count for status, count in answered.statuses.items() if status != 200}
    told = [f"{count:,} of status {status}" for status, count in refused.items()]
    told += [f"{answered.fallbacks:,} fallbacks"] if answered.fallbacks else []
    return ", ".join(told)


def measure(bench: Bench, folder: Path) -> None:
    """Every way, one after the other."""
    with redis_server(folder) as address:
        shop = build(folder / "redis", {"type": "redis", "connection_string": address})
        with service(shop, ours) as running:
            _measure_beside_others(bench, shop, running)
            _measure_ours(bench, shop, running)
        with service(shop, ours, "onnx", 1.0) as running:
            bench.ask("64, features kept 1 s", shop, running, 64)
            bench.ask_batches("batches of 256, kept 1 s", shop, running, 256)
    shop = build(folder / "sqlite", {"type": "sqlite", "path": str(folder / "online.db")})
    with service(shop, ours) as running:
        bench.ask("SQLite, 64 connections", shop, running, 64)


def _measure_beside_others(bench: Bench, shop: Shop, running: Running) -> None:
    with ExitStack() as started:
        peers = {EACH: service(shop, one_call_each), CHAIN: whole_chain(shop), BARE: service(shop, bare)}
        bench.compare(shop, {OURS: running, **{name: started.enter_context(peer) for name, peer in peers.items()}})


def _measure_ours(bench: Bench, shop: Shop, running: Running) -> None:
    bench.ask("1 connection", shop, running, 1)
    bench.ask("5,000/s arriving", shop, running, 512, rate=5_000)
    for a_request in (64, 256):
        bench.ask_batches(f"batches of {a_request}", shop, running, a_request)
    serving_sessions.measure(bench.measure, shop, running, bench.seconds)
    bench.ask(
        f"{OVERLOAD} times too many arriving", shop, running, 2_048, rate=OVERLOAD * bench.measured[OURS].decisions
    )
    bench.ask("1 connection, just after", shop, running, 1)


def summary(measured: dict[str, Measured]) -> dict[str, float]:
    """What follows by arithmetic: ratios within this run, cores, dollars."""
    here = measured[OURS]
    cores = FLEET / (here.decisions_a_cpu_second / 2)
    hours = 1e6 / here.decisions_a_cpu_second / 3600
    return {
        "times_a_call_each": here.decisions / measured[EACH].decisions,
        "times_the_chain": here.decisions / measured[CHAIN].decisions,
        "share_of_a_bare_protocol": here.decisions / measured[BARE].decisions,
        "cores_for_the_fleet_at_half_load": cores,
        "dollars_a_million": hours * DOLLARS_A_CORE_HOUR,
    }


def main() -> None:
    """Measure, print and write."""
    bench = Bench(float(sys.argv[1]) if len(sys.argv) > 1 else 5.0)
    print(f"Load on this machine before: {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores.")
    print(f"{'':<28}{'a second':>10}{'a CPU s':>10}{'P50 ms':>9}{'P90 ms':>9}{'P99 ms':>9}{'sent':>9}")
    load_before = os.getloadavg()[0]
    FILE.parent.mkdir(parents=True, exist_ok=True)
    # beside the results: temporary files may lie in memory, where a flush costs nothing
    with tempfile.TemporaryDirectory(dir=FILE.parent) as folder:
        measure(bench, Path(folder).absolute())
    follows = summary(bench.measured)
    print(
        f"{follows['times_a_call_each']:.0f} times a call each, {follows['times_the_chain']:.0f} times the chain, "
        f"{follows['share_of_a_bare_protocol']:.0%} of a protocol that decides nothing."
    )
    print(
        f"By arithmetic: {follows['cores_for_the_fleet_at_half_load']:.0f} cores at half load for {FLEET:,} a second; "
        f"${follows['dollars_a_million']:.4f} of processor time a million at ${DOLLARS_A_CORE_HOUR} a core-hour "
        f"(case study 002: ${CASE_STUDY_DOLLARS:.2f})."
    )
    figures = {name: asdict(each) for name, each in bench.measured.items()}
    FILE.write_text(json.dumps({"load_before": load_before, "measured": figures, "follows": follows}, indent=1))
    print(f"All of it is in {FILE}.")


if __name__ == "__main__":
    main()
