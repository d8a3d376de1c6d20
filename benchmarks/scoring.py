"""What scores of a bundle cost by XGBoost's own predictor and by ONNX Runtime, alone and within the decision service.

    python -m benchmarks.scoring [SECONDS]

Times are medians of many turns, the two by turns; the service is asked for SECONDS (5) each way.
"""

import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np

from benchmarks.serving import Bench
from benchmarks.serving_processes import ours, service
from benchmarks.serving_shop import LEVELS, build, champion
from ml import bundle
from ml.bundle import Bundle
from ml.onnx_bundle import READERS

SIZES = (1, 8, 57, 256, 500)
TURNS = 200
CONNECTIONS = (1, 8, 64)


def columns_of(read: Bundle, rows: int) -> dict[str, list[Any]]:
    """Values of `rows` rows, a tenth of the numbers missing."""
    random = np.random.default_rng(rows)
    return {
        feature.name: [LEVELS[place] for place in random.integers(3, size=rows)]
        if feature.data_type == "string"
        else [None if random.random() < 0.1 else value for value in random.normal(3, 2, rows).tolist()]
        for feature in read.features
    }


def microseconds(ways: Mapping[str, Callable[[], object]]) -> dict[str, float]:
    """The median of what each way takes."""
    taken: dict[str, list[float]] = {name: [] for name in ways}
    for _ in range(TURNS):
        for name, way in ways.items():
            begun = time.perf_counter()
            way()
            taken[name].append(time.perf_counter() - begun)
    return {name: 1e6 * median(times) for name, times in taken.items()}


def measure_alone(folder: Path) -> None:
    """Margins of a matrix, and scores of columns."""
    made = champion()
    digest = bundle.write(made, folder, [{feature.name: None for feature in made.features}])
    native, light = (read(folder, digest) for read in READERS.values())
    if light.light is None:
        raise RuntimeError("The bundle holds no ONNX model.")
    told = ("margin: native", "margin: onnx", "score: native", "score: onnx", "apart")
    print(f"{'rows':>6}" + "".join(f"{each:>16}" for each in told))
    for rows in SIZES:
        columns = columns_of(made, rows)
        matrix = made.encoding.transform(columns)
        ways = {
            "margin: native": partial(native.booster.inplace_predict, matrix, predict_type="margin"),
            "margin: onnx": partial(light.light.inplace_predict, matrix, predict_type="margin"),
            "score: native": partial(native.score, columns),
            "score: onnx": partial(light.score, columns),
        }
        apart = float(np.max(np.abs(native.score(columns) - light.score(columns))))
        print(f"{rows:>6}" + "".join(f"{taken:>16,.0f}" for taken in microseconds(ways).values()) + f"{apart:>16.1g}")


def measure_service(folder: Path, seconds: float) -> None:
    """Single decisions, of a few connections and of many."""
    shop, bench = build(folder / "shop", {"type": "sqlite", "path": str(folder / "online.db")}), Bench(seconds)
    for engine in READERS:
        with service(shop, ours, engine) as running:
            for connections in CONNECTIONS:
                bench.ask(f"{engine}, {connections} connections", shop, running, connections)


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as scratch:
        measure_alone(Path(scratch) / "bundle")
        measure_service(Path(scratch), float(sys.argv[1]) if len(sys.argv) > 1 else 5.0)
