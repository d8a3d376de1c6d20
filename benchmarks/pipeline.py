"""From landing to validated features at the size of a large shop, a late day again, and the online write.

    python -m benchmarks.pipeline [SHARE]

Writes .tactful/bench/pipeline.json: seconds, peak memory, and ratios to another figure of the same run. SHARE below 1
makes the shop smaller. The shop is simulated: the figures tell of speed, nothing else.
"""

import json
import os
import sys
import tempfile
import time
from dataclasses import asdict, dataclass
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from rich.console import Console

from benchmarks import online_write
from simulator.export import write
from simulator.shop import Shop
from tactful import home
from tactful.dbt import ensure_manifest
from tactful.jobs import Stage, run_job
from tactful.plan import Plan
from tactful.settings import Settings
from tactful.source import source_of

A_LARGE_DAY = Shop(days=1, sessions_per_day=85_000)
A_MONTH = Shop(days=30, sessions_per_day=28_500)
LATE_SHARE = 0.01
REPORT = Path(".tactful") / "bench" / "pipeline.json"

_PARAMS = (
    *("ga_session_id", "ga_session_number", "session_engaged", "engagement_time_msec", "page_location", "page_title"),
    *("page_referrer", "search_term", "source", "medium", "transaction_id", "decision_id", "policy", "propensity"),
)
_READ = ", ".join(f"event_params[list_position(keys, '{key}')].value as {key}" for key in _PARAMS)
_BARE = f"""
    select user_pseudo_id, ga_session_id, count(*) as events, count_if(event_name = 'purchase') as purchases,
        min(event_timestamp) as first_at, max(ecommerce.purchase_revenue_in_usd) as revenue,
        {", ".join(f"max({key}) as {key}" for key in _PARAMS[1:])}, max(device) as device, max(geo) as geo,
        max(traffic_source) as traffic_source, max(collected_traffic_source) as collected_traffic_source,
        sum(len(items)) as items
    from (
        select *, {_READ}
        from (select *, list_transform(event_params, lambda param: param.key) as keys from read_parquet('FILES'))
    )
    group by user_pseudo_id, ga_session_id
"""
"""Sessions from the columns and parameters that staging reads, and nothing else done to them."""


@dataclass(frozen=True)
class Built:
    """A run of the job `features`: wall seconds, peak memory in bytes of all its processes, and its parts."""

    events: int
    days: int
    seconds: float
    peak_memory: int
    bare_scan_seconds: float
    stages: tuple[Stage, ...]

    @property
    def times_bare_scan(self) -> float:
        return self.seconds / self.bare_scan_seconds

    @property
    def microseconds_an_event(self) -> float:
        return self.seconds / self.events * 1e6


def build(settings: Settings, first: date, last: date, rebuild: bool, bare: float) -> Built:
    """Run the job for the days from `first` to `last`."""
    began = time.perf_counter()
    stages = run_job(settings, "features", Plan(first, last, "benchmark", rebuild), Console(file=sys.stderr))
    return Built(
        events=_events(settings, first, last),
        days=(last - first).days + 1,
        seconds=time.perf_counter() - began,
        peak_memory=max(stage.peak_memory for stage in stages),
        bare_scan_seconds=bare,
        stages=tuple(stages),
    )


def scan(export: Path) -> float:
    """Seconds of a bare DuckDB scan-and-aggregate over the same files."""
    began = time.perf_counter()
    with duckdb.connect() as connection:
        connection.execute("set enable_progress_bar = false")
        connection.execute(f"create table aggregated as {_BARE.replace('FILES', str(export / '*.parquet'))}")
    return time.perf_counter() - began


def deliver_late(file: Path) -> int:
    """Add late events to a day's file, the copies of a hundredth of its rows a second later; returns how many."""
    rows = pq.read_table(file)
    late = rows.slice(0, int(len(rows) * LATE_SHARE))
    place = late.schema.get_field_index("event_timestamp")
    later = pc.add(late["event_timestamp"], pa.scalar(1_000_000))
    pq.write_table(pa.concat_tables([rows, late.set_column(place, late.field(place), later)]), file)
    return len(late)


def measure(folder: Path, share: float) -> dict[str, Any]:
    """Everything, in exports and homes under `folder`."""
    large_day = _prepared(folder / "large_day", A_LARGE_DAY, share)
    source = source_of(large_day)
    bare = scan(source.folder)
    day = build(large_day, source.first, source.last, rebuild=True, bare=bare)

    monthly = _prepared(folder / "month", A_MONTH, share)
    source = source_of(monthly)
    bare = scan(source.folder)
    month = build(monthly, source.first, source.last, rebuild=True, bare=bare)

    a_day = timedelta(days=1)
    middle = source.first + 14 * a_day
    late_events = deliver_late(source.folder / f"events_{middle:%Y%m%d}.parquet")
    again = build(monthly, middle - a_day, middle + a_day, rebuild=False, bare=bare)
    return {
        "processors": os.cpu_count(),
        "large_day": _stated(day),
        "month": _stated(month),
        "month_to_large_day_cost_an_event": month.microseconds_an_event / day.microseconds_an_event,
        "late_day": {**_stated(again), "late_events": late_events, "share_of_month": again.seconds / month.seconds},
        "online_write": [asdict(store) for store in online_write.measure()],
    }


def main() -> None:
    """Measure, print and write."""
    share = float(sys.argv[1]) if len(sys.argv) > 1 else 1.0
    with tempfile.TemporaryDirectory() as folder:
        figures = measure(Path(folder), share)
    REPORT.parent.mkdir(parents=True, exist_ok=True)
    REPORT.write_text(json.dumps(figures, indent=1))
    _print(figures)
    print(f"All of it is in {REPORT}.")


def _prepared(folder: Path, shop: Shop, share: float) -> Settings:
    export = folder / "export"
    write(export, Shop(days=shop.days, sessions_per_day=shop.sessions_per_day * share))
    settings = Settings(home=folder / "home", export=export, conversion_event="add_to_cart")
    home.prepare(settings)
    ensure_manifest(settings, source_of(settings))
    return settings


def _events(settings: Settings, first: date, last: date) -> int:
    files = (source_of(settings).folder / f"events_{first + timedelta(days=n):%Y%m%d}.parquet" for n in range(99))
    days = [file for _, file in zip(range((last - first).days + 1), files, strict=False)]
    return sum(int(pq.read_metadata(file).num_rows) for file in days)


def _stated(built: Built) -> dict[str, Any]:
    return {
        **asdict(built),
        "times_bare_scan": built.times_bare_scan,
        "microseconds_an_event": built.microseconds_an_event,
    }


def _print(figures: dict[str, Any]) -> None:
    for name in ("large_day", "month", "late_day"):
        built = figures[name]
        print(
            f"{name:10} {built['events']:>10,} events {built['seconds']:6.1f} s {built['peak_memory'] / 1e9:4.1f} GB  "
            f"{built['microseconds_an_event']:5.1f} us an event  {built['times_bare_scan']:5.1f} x a bare scan"
        )
        for stage in built["stages"]:
            print(f"  {stage['name']:14} {stage['seconds']:6.1f} s  {stage['peak_memory'] / 1e9:4.1f} GB")
    print(f"the late day takes {figures['late_day']['share_of_month']:.1%} of the month's run")
    for store in figures["online_write"]:
        print(f"online write   {store['store']:8} {store['times_faster']:.1f} x Feast's materialise")


if __name__ == "__main__":
    main()
