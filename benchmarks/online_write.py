"""The guarded online write beside Feast's own, on SQLite and on a redis-server that is started here.

`python -m benchmarks.online_write`

Feast's `materialize` and our write, each with reading the published Parquet file, write the same rows of 25 features to
a store of their own that is empty before. Each works in a process of its own; of three writes the fastest counts. After
each, a sample is looked up through `get_online_features` and compared with what was written.
"""

import gc
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from multiprocessing import get_context
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from feature_repo import online
from feature_repo.contract import FEATURE_AT, KNOWN_AT, Column, DataType, FeatureTable
from tests.redis_server import redis_server

if TYPE_CHECKING:
    from feast import FeatureStore

DAY = date(2026, 1, 6)
MIX: dict[DataType, int] = {"int64": 10, "float64": 9, "string": 3, "bool": 3}
FEATURES = tuple(
    Column(f"{data_type}_{number}", data_type, "", is_nullable=True, models=("m",))
    for data_type, count in MIX.items()
    for number in range(count)
)
TABLE = FeatureTable(
    name="fct_users",
    view="users",
    description="One row per user.",
    entity="user",
    join_key="user_pseudo_id",
    key=("user_pseudo_id",),
    day="day",
    ttl=timedelta(days=3),
    is_online=True,
    columns=(
        Column("user_pseudo_id", "string", "", is_nullable=False),
        Column("day", "date", "", is_nullable=False),
        Column("feature_at", "timestamp", "", is_nullable=False),
        Column("known_at", "timestamp", "", is_nullable=False),
        *FEATURES,
    ),
)


WRITES = 3


@dataclass(frozen=True)
class Measured:
    """The fastest of some writes: rows a second; and the most mebibytes that the process grew by in one."""

    rows_per_second: float
    peak_mebibytes: float


@dataclass(frozen=True)
class OnlineWriteBenchmark:
    """What was measured on one store, and how many times faster ours is."""

    store: str
    rows: int
    feast: Measured
    ours: Measured
    times_faster: float


Way = Callable[["FeatureStore", Path], object]


def materialize(store: "FeatureStore", _: Path) -> None:
    """Feast's own way from the offline store to the online one."""
    store.materialize(datetime(2026, 1, 5, tzinfo=UTC), datetime(2026, 1, 7, tzinfo=UTC), feature_views=[TABLE.view])


def write_newest(store: "FeatureStore", file: Path) -> None:
    """Ours."""
    online.write_newest(store, TABLE, pd.read_parquet(file))


def measure(rows: int = 30_000) -> tuple[OnlineWriteBenchmark, ...]:
    """Both stores, one after the other.

    Raises:
        AssertionError: what is served is not what was written.
    """
    with tempfile.TemporaryDirectory() as folder, redis_server(Path(folder)) as address:
        redis = {"type": "redis", "connection_string": address}
        return tuple(_measure(Path(folder), stated, rows) for stated in ({"type": "sqlite"}, redis))


def _measure(folder: Path, online_store: dict[str, Any], rows: int) -> OnlineWriteBenchmark:
    measured = []
    for way in (materialize, write_newest):
        # a process of its own, so that neither works in memory that the other has left behind
        with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as process:
            measured.append(process.submit(_time, way, folder, online_store, rows).result())
    feast, ours = measured
    times_faster = ours.rows_per_second / feast.rows_per_second
    return OnlineWriteBenchmark(online_store["type"], rows, feast, ours, times_faster)


def _time(way: Way, folder: Path, online_store: dict[str, Any], rows: int) -> Measured:
    frame = frame_of(rows)
    _write(way, folder, online_store, frame.head(500))  # loads what is imported late
    seconds, peaks = zip(*(_write(way, folder, online_store, frame) for _ in range(WRITES)), strict=True)
    return Measured(rows / min(seconds), max(peaks))


def _write(way: Way, folder: Path, online_store: dict[str, Any], frame: pd.DataFrame) -> tuple[float, float]:
    """Seconds, and mebibytes that the process grew by at its peak."""
    with _store(folder, online_store, frame) as (store, file):
        gc.collect()
        Path("/proc/self/clear_refs").write_text("5")  # the peak begins anew
        before, start = _memory("VmRSS"), time.perf_counter()
        way(store, file)
        seconds, peak = time.perf_counter() - start, _memory("VmHWM")
        parity = online.compare(store, TABLE, frame.sample(min(len(frame), 1_000), random_state=0))
        if parity.different:
            raise AssertionError(f"{way.__name__}: {parity.different} of {parity.compared} rows are served otherwise.")
    return seconds, peak - before


@contextmanager
def _store(folder: Path, online_store: dict[str, Any], frame: pd.DataFrame) -> Iterator[tuple["FeatureStore", Path]]:
    """An empty store, and the Parquet file of its offline side, which holds `frame`."""
    from feast import FeatureStore, FileSource
    from feast.data_format import ParquetFormat
    from feast.repo_config import RepoConfig

    from feature_repo.entities import ENTITIES
    from feature_repo.views import build_view

    home = Path(tempfile.mkdtemp(dir=folder))
    file = home / f"{DAY}.parquet"
    frame.to_parquet(file, index=False)
    source = FileSource(
        name="users_source",
        path=str(file),
        file_format=ParquetFormat(),
        timestamp_field=FEATURE_AT,
        created_timestamp_column=KNOWN_AT,
    )
    stated = online_store | ({"path": str(home / "online.db")} if online_store["type"] == "sqlite" else {})
    config = RepoConfig(
        project="benchmark",
        provider="local",
        registry=str(home / "registry.db"),
        offline_store={"type": "duckdb"},
        online_store=stated,
        entity_key_serialization_version=3,
        repo_path=home,
    )
    store = FeatureStore(config=config)
    store.apply([ENTITIES[TABLE.entity], source, build_view(TABLE, source)])
    yield store, file
    store.teardown()
    shutil.rmtree(home)


def frame_of(rows: int) -> pd.DataFrame:
    """Counts as shops have them, amounts that are all different, few strings, and a tenth of nulls in one each."""
    random = np.random.default_rng(0)
    at = pd.Timestamp(DAY)
    columns: dict[str, Any] = {
        "user_pseudo_id": [f"{number}.{1_767_000_000 + number}" for number in random.permutation(rows)],
        "day": DAY,
        "feature_at": at,
        "known_at": at + pd.Timedelta(hours=12),
    }
    makers: dict[DataType, Callable[[], Any]] = {
        "int64": lambda: random.poisson(3, rows),
        "float64": lambda: random.lognormal(3, 1, rows),
        "string": lambda: random.choice(["organic", "cpc", "email", "Łódź", "(none)"], rows),
        "bool": lambda: random.random(rows) < 0.3,
    }
    columns |= {column.name: makers[column.data_type]() for column in FEATURES}
    frame = pd.DataFrame(columns)
    frame.loc[random.random(rows) < 0.1, "float64_0"] = None
    frame.loc[random.random(rows) < 0.1, "string_0"] = None
    return frame


def _memory(name: str) -> float:
    """A size of this process in mebibytes, from what Linux says of it."""
    status = dict(line.split(":", 1) for line in Path("/proc/self/status").read_text().splitlines())
    return int(status[name].split()[0]) / 1_024


def main() -> None:
    """Measure and print."""
    print(f"{'':<8}{'rows/s':>10}{'peak MiB':>10}")
    for benchmark in measure():
        print(f"{benchmark.store}, {benchmark.rows:,} rows: ours is {benchmark.times_faster:.1f} times as fast")
        for name, each in (("  Feast", benchmark.feast), ("  ours", benchmark.ours)):
            print(f"{name:<8}{each.rows_per_second:>10,.0f}{each.peak_mebibytes:>10,.0f}")


if __name__ == "__main__":
    main()
