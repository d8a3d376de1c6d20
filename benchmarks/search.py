"""How long a model's search takes on a table of half a million rows, and how much memory.

    python -m benchmarks.search [ROWS]

Tells of each setting as it is through, and writes .tactful/bench/search.json. The table is made up.
"""

import json
import logging
import os
import resource
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from feature_repo.contract import Column
from ml import training
from ml.search import nearby_spread
from ml.specs import POPUP_BEHAVIOUR

REPORT = Path(".tactful") / "bench" / "search.json"
ROWS = 500_000
NUMBERS, TRUTHS, TEXTS = 32, 4, 4
LEVELS = ("desktop", "mobile", "tablet", "tv")


def table(rows: int, seed: int = 7) -> pd.DataFrame:
    """Numbers of which some are missing, truth values and texts, with a label that hangs on a few of them."""
    rng = np.random.default_rng(seed)
    numbers = rng.gamma(2.0, 1.0, (rows, NUMBERS))
    texts = rng.choice(LEVELS, (rows, TEXTS))
    logit = numbers[:, :8] @ np.geomspace(0.6, 0.05, 8) + 0.5 * (texts[:, 0] == "mobile") - 6.8
    numbers[rng.random(numbers.shape) < 0.05] = np.nan
    columns: dict[str, Any] = {f"number_{place}": numbers[:, place] for place in range(NUMBERS)}
    columns |= {f"truth_{place}": rng.random(rows) < 0.3 for place in range(TRUTHS)}
    columns |= {f"text_{place}": texts[:, place] for place in range(TEXTS)}
    return pd.DataFrame(
        {
            **columns,
            POPUP_BEHAVIOUR.label: rng.random(rows) < 1 / (1 + np.exp(-logit)),
            "user_pseudo_id": rng.integers(0, rows // 2, rows).astype(str),
        }
    )


def features() -> tuple[Column, ...]:
    """The columns to learn from."""
    kinds = {"number": ("float64", NUMBERS), "truth": ("bool", TRUTHS), "text": ("string", TEXTS)}
    return tuple(
        Column(f"{name}_{place}", kind, "", True)  # type: ignore[arg-type]
        for name, (kind, count) in kinds.items()
        for place in range(count)
    )


def main() -> None:
    """Fit and tell."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s", stream=sys.stderr)
    frame = table(int(sys.argv[1]) if len(sys.argv) > 1 else ROWS)
    began = time.perf_counter()
    fitted = training.fit(POPUP_BEHAVIOUR, frame, features(), n_jobs=os.cpu_count() or 1)
    figures = {
        "rows": len(frame),
        "features": len(features()),
        "positives": fitted.positives,
        "settings": len(fitted.trials),
        "folds": fitted.spec.folds,
        "minutes": (time.perf_counter() - began) / 60,
        "peak_memory_gb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20,
        "best": {**fitted.trials[0].params, "roc_auc": fitted.trials[0].tie_breaker},
        "nearby_spread": nearby_spread(fitted.trials),
    }
    REPORT.parent.mkdir(parents=True, exist_ok=True)
    REPORT.write_text(json.dumps(figures, indent=1))
    print(json.dumps(figures, indent=1))


if __name__ == "__main__":
    main()
