"""How near the pop-up model comes to the best there could be, in a simulated shop whose truth is known.

    python -m benchmarks.popup [DAYS]

Builds DAYS of the scenario `large`, else 45, from the export to the training set, learns from all but the last fifth,
and writes .tactful/bench/popup.json. The shop is simulated: no figure is evidence about real visitors.
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
from ml.best import shares_of_best
from ml.datasets import EVENT_TIMESTAMP, features_of, split_by_time
from ml.evaluation import Outcomes, evaluate, roc_auc, target_of
from ml.specs import POPUP_BEHAVIOUR
from simulator.export import write
from simulator.scenarios import compose
from simulator.shop import Shop
from tactful import home, optimum
from tactful.dbt import MANIFEST, ensure_manifest
from tactful.jobs import run_job
from tactful.plan import Plan
from tactful.settings import Settings
from tactful.source import source_of

REPORT = Path(".tactful") / "bench" / "popup.json"
DAYS = 45
"""A quarter of the scenario's days, which two busy cores build in half an hour."""

RECALL = 0.95
BUDGET = 0.5
"""The impression budget."""


def training_rows(settings: Settings, model: str) -> pd.DataFrame:
    """The training set of a model, built from the export."""
    home.prepare(settings)
    source = source_of(settings)
    ensure_manifest(settings, source)
    run_job(settings, "training_sets", Plan(source.first, source.last, "benchmark", True), Console(file=sys.stderr))
    return pd.read_parquet(settings.home / "training_sets" / f"{model}.parquet")


def measure(rows: pd.DataFrame, shop: Shop) -> dict[str, Any]:
    """The model's figures on the test days beside those of the true probabilities on the same rows."""
    spec = POPUP_BEHAVIOUR
    split = split_by_time(rows, spec.horizon)
    began = time.perf_counter()
    features = features_of(contract.load(MANIFEST), spec.name)
    fitted = training.fit(spec, split.train, features, BUDGET)
    seconds = time.perf_counter() - began
    known = optimum.known_moments(shop)
    pop_up = split.test.merge(known, on=["user_pseudo_id", EVENT_TIMESTAMP], validate="one_to_one")
    target, score, truth = target_of(pop_up, spec.label), fitted.score(pop_up), pop_up[optimum.TRUTH].to_numpy()
    outcomes = Outcomes(target, score, pd.factorize(pop_up["user_pseudo_id"])[0])
    kept = np.sort(score[target])[::-1][: int(np.ceil(RECALL * target.sum()))].min()
    card = evaluate(fitted, split.train, split.test)
    return {
        "about": "A simulated shop: no figure says anything about real visitors.",
        "days": shop.days,
        "rows": {"train": len(split.train), "test": len(split.test), "test_matched": len(pop_up)},
        "fit_seconds": seconds,
        "roc_auc": roc_auc(target, score),
        "bayes_roc_auc": roc_auc(target, truth),
        "shares_of_bayes": {
            name: asdict(share) for name, share in shares_of_best(outcomes, truth, fitted.threshold).items()
        },
        f"impressions_share_at_recall_{RECALL}": float((score >= kept).mean()),
        "scorecard": {name: asdict(figure) for name, figure in card.intervals.items()},
    }


def main() -> None:
    """Measure, print and write."""
    days = int(sys.argv[1]) if len(sys.argv) > 1 else DAYS
    shop = compose("large", Shop(), days=days)
    with tempfile.TemporaryDirectory() as folder:
        settings = Settings(home=Path(folder) / "home", export=Path(folder) / "export")
        write(Path(folder) / "export", shop)
        rows = training_rows(settings, POPUP_BEHAVIOUR.name)
    figures = measure(rows, shop)
    REPORT.parent.mkdir(parents=True, exist_ok=True)
    REPORT.write_text(json.dumps(figures, indent=1))
    print(json.dumps({name: figure for name, figure in figures.items() if name != "scorecard"}, indent=1))
    print(f"calibration error {figures['scorecard']['calibration_error']}; all of it is in {REPORT}.")


if __name__ == "__main__":
    main()
