"""How near the pop-up model comes to the best there could be, in a simulated shop whose truth is known.

    python -m benchmarks.models [DAYS]

Builds DAYS of the scenario `large`, else its half a year, from the export to the training set, learns from all but the
last fifth, and writes .tactful/bench/models.json. The shop is simulated: no figure is evidence about real visitors.
"""

import json
import sys
import tempfile
import time
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from rich.console import Console

from feature_repo import contract
from ml import training
from ml.datasets import features_of, split_by_time
from ml.evaluation import evaluate, roc_auc, target_of
from ml.specs import POPUP_BEHAVIOUR
from simulator import truth
from simulator.actions import ACTIONS, POP_UP
from simulator.export import write
from simulator.scenarios import compose
from simulator.shop import Shop
from tactful import home
from tactful.dbt import MANIFEST, ensure_manifest
from tactful.jobs import run_job
from tactful.plan import Plan
from tactful.settings import Settings
from tactful.source import source_of

REPORT = Path(".tactful") / "bench" / "models.json"
RECALL = 0.95


def training_rows(settings: Settings, model: str) -> pd.DataFrame:
    """The training set of a model, built from the export."""
    home.prepare(settings)
    source = source_of(settings)
    ensure_manifest(settings, source)
    run_job(settings, "everything", Plan(source.first, source.last, "benchmark", True), Console(file=sys.stderr))
    return pd.read_parquet(settings.home / "training_sets" / f"{model}.parquet")


def known_rows(shop: Shop) -> pd.DataFrame:
    """The truth of the shop's decision moments, by the visitor and the instant."""
    known = truth.of(shop)
    return pd.DataFrame(
        {
            "user_pseudo_id": known.user_pseudo_id.to_pylist(),
            "event_timestamp": pd.to_datetime(known.at_us, unit="us", utc=True),
            "action": known.action,
            "converts_by_truth": known.converts[np.arange(len(known)), known.action],
        }
    )


def measure(folder: Path, shop: Shop) -> dict[str, Any]:
    """The model's figures on the test days beside those of the true probabilities on the same rows."""
    write(folder / "export", shop)
    settings = Settings(home=folder / "home", export=folder / "export")
    spec = POPUP_BEHAVIOUR
    rows = training_rows(settings, spec.name)
    split = split_by_time(rows, spec.horizon)
    began = time.perf_counter()
    features = features_of(contract.load(MANIFEST), spec.name)
    fitted = training.fit(spec, split.train, features, settings.impression_budget)
    seconds = time.perf_counter() - began
    test = split.test.merge(known_rows(shop), on=["user_pseudo_id", "event_timestamp"], validate="one_to_one")
    pop_up = test[test["action"] == POP_UP]
    target, score = target_of(pop_up, spec.label), fitted.score(pop_up)
    best = roc_auc(target, pop_up["converts_by_truth"].to_numpy())
    found = roc_auc(target, score)
    kept = np.sort(score[target])[::-1][: int(np.ceil(RECALL * target.sum()))].min()
    return {
        "about": "A simulated shop: no figure says anything about real visitors.",
        "days": shop.days,
        "rows": {"train": len(split.train), "test": len(split.test), "test_matched": len(test), "pop_up": len(pop_up)},
        "actions": {ACTIONS[code].name: int(count) for code, count in test["action"].value_counts().items()},
        "fit_seconds": seconds,
        "roc_auc": found,
        "bayes_roc_auc": best,
        "share_of_bayes": found / best,
        f"impressions_share_at_recall_{RECALL}": float((score >= kept).mean()),
        "scorecard": {name: asdict(figure) for name, figure in evaluate(fitted, split.train, test).intervals.items()},
    }


def main() -> None:
    """Measure, print and write."""
    size = {"days": int(sys.argv[1])} if len(sys.argv) > 1 else {}
    with tempfile.TemporaryDirectory() as folder:
        figures = measure(Path(folder), compose("large", Shop(), **size))
    REPORT.parent.mkdir(parents=True, exist_ok=True)
    REPORT.write_text(json.dumps(figures, indent=1))
    print(json.dumps({name: figure for name, figure in figures.items() if name != "scorecard"}, indent=1))
    print(f"calibration error {figures['scorecard']['calibration_error']}; all of it is in {REPORT}.")


if __name__ == "__main__":
    main()
