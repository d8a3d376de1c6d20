"""How near the stage model comes to the best there could be, in a simulated shop whose truth is known.

    python -m benchmarks.stages [DAYS]

Builds DAYS of the scenario `large`, else 36, with fewer visits and more surveys, from the export to the training set.
The same learner then names stages on the same folds twice: from the features, and given the visitor's hidden traits and
true stage too, which stands for the best there could be. Writes .tactful/bench/stages.json. The shop is simulated: no
figure is evidence about real visitors.
"""

import json
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from benchmarks.popup import training_rows
from feature_repo import contract
from ml.bundle import BundleFeature
from ml.datasets import features_of
from ml.specs import BUYER_STAGE
from ml.stage_choice import Rival, compare
from ml.stage_evaluation import StageFigures, stage_figures
from ml.stages import groups_of, sampled, unseen
from simulator.clock import midnights
from simulator.export import write
from simulator.population import Population
from simulator.records import user_ids
from simulator.scenarios import compose
from simulator.shop import Shop
from simulator.visits import Sessions
from tactful.dbt import MANIFEST
from tactful.settings import Settings

REPORT = Path(".tactful") / "bench" / "stages.json"
DAYS = 36
SESSIONS = 5_000
ROWS = 24_000
SURVEY = 0.2
"""The share of visits that are asked, ten times that of the default shop: so that the survey can tell something."""

TRAITS = ("intent", "price_sensitivity", "patience", "annoyance", "loyalty", "stage", "segment")
"""What a visit's visitor hides: as its exit is reached, but for the true stage, which is that of its beginning."""

TARGET = {"macro_precision": 0.89, "macro_recall": 0.75}
SHARE = 0.95


def hidden(shop: Shop) -> pd.DataFrame:
    """The traits of each user on each day with a visit, of the day's last one."""
    population = Population(shop)
    days = []
    for day in shop.calendar:
        begins, ends = midnights(shop.time_zone, day.toordinal(), 2)
        sessions = population.visits_on(day).sessions
        begun = (begins <= sessions.start_us) & (sessions.start_us < ends) & (sessions.client > 0)
        days.append(_rows(sessions.take(np.flatnonzero(begun)), pd.Timestamp(day)))
    return pd.concat(days, ignore_index=True)


def _rows(sessions: Sessions, day: pd.Timestamp) -> pd.DataFrame:
    rows = pd.DataFrame(
        {
            "user_pseudo_id": user_ids(sessions).to_pylist(),
            "event_date": day,
            **{_column(trait): getattr(sessions, trait) for trait in TRAITS},
        }
    )
    # visits are in the order of their beginnings
    return rows.groupby(["user_pseudo_id", "event_date"], as_index=False).last()


def _column(trait: str) -> str:
    return f"hidden_{trait}"


def measure(folder: Path, shop: Shop) -> dict[str, Any]:
    """The rivals' figures, and for each the share that the features have in what the truth would give."""
    write(folder / "export", shop)
    settings = Settings(home=folder / "home", export=folder / "export")
    spec = replace(BUYER_STAGE, most_rows=ROWS)
    rows = training_rows(settings, spec.name)
    rows["event_date"] = pd.to_datetime(rows["event_date"]).dt.tz_localize(None).astype("datetime64[us]")
    truth = hidden(shop).astype({"event_date": "datetime64[us]"})
    matched = rows.merge(truth, on=["user_pseudo_id", "event_date"], validate="one_to_one")
    drawn = matched.iloc[sampled(spec, matched)].reset_index(drop=True)
    features = features_of(contract.load(MANIFEST), spec.name)
    choice = compare(spec, drawn, features)
    return {
        "about": "A simulated shop: no figure says anything about real visitors.",
        "days": shop.days,
        "rows": {"all": len(rows), "matched": len(matched), "drawn": len(drawn)},
        "chosen": choice.chosen.definition,
        "reason": choice.reason,
        "warning": choice.warning,
        "definitions": {rival.definition: _against_truth(rival, drawn, features) for rival in choice.rivals},
    }


def _against_truth(rival: Rival, rows: pd.DataFrame, features: Sequence[BundleFeature]) -> dict[str, Any]:
    spec = replace(BUYER_STAGE, most_rows=ROWS)
    traits = [BundleFeature(_column(trait), "", "user", "float64", 0.0, None) for trait in TRAITS]
    best = _figures(rival, rows, unseen(spec, rival.definition, rows, [*features, *traits]))
    shares = {name: getattr(rival.figures, name).value / getattr(best, name).value for name in TARGET}
    reached = all(getattr(rival.figures, name).value >= least for name, least in TARGET.items())
    return {
        "rows": dict(rival.counts),
        "features": _told(rival.figures),
        "with_truth": _told(best),
        "share_of_truth": shares,
        "is_reached": reached or all(share >= SHARE for share in shares.values()),
        "label_agreement": asdict(rival.label_agreement),
        "model_agreement": asdict(rival.model_agreement),
    }


def _figures(rival: Rival, rows: pd.DataFrame, named: "np.ndarray[Any, Any]") -> StageFigures:
    truth = rows[rival.definition].to_numpy(dtype=object)
    return stage_figures(truth, named, rival.figures.stages, groups_of(BUYER_STAGE, rows))


def _told(figures: StageFigures) -> dict[str, Any]:
    return {
        **{name: asdict(getattr(figures, name)) for name in TARGET},
        "precision": {stage: asdict(interval) for stage, interval in figures.precision.items()},
        "recall": {stage: asdict(interval) for stage, interval in figures.recall.items()},
    }


def main() -> None:
    """Measure, print and write."""
    shop = compose("large", Shop(), days=int(sys.argv[1]) if len(sys.argv) > 1 else DAYS, sessions_per_day=SESSIONS)
    asked = replace(shop, stages=replace(shop.stages, survey=SURVEY))
    with tempfile.TemporaryDirectory() as folder:
        figures = measure(Path(folder), asked)
    REPORT.parent.mkdir(parents=True, exist_ok=True)
    REPORT.write_text(json.dumps(figures, indent=1))
    for name, found in figures["definitions"].items():
        shares = ", ".join(f"{figure} {share:.3f}" for figure, share in found["share_of_truth"].items())
        print(f"{name}: {shares} of what the truth would give")
    print(f"{figures['reason']}\nAll of it is in {REPORT}.")


if __name__ == "__main__":
    main()
