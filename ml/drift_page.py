"""Pages of a drift report: the verdict with its figures, and Evidently's, which it links to."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path

import pandas as pd

from ml.drift_verdict import DriftPolicy, DriftReport, DriftVerdict
from tactful.pages import write_page

_TEMPLATE = Path(__file__).parent / "templates" / "drift.html"


def draw(
    reference: pd.DataFrame, current: pd.DataFrame, texts: Sequence[str], thresholds: Mapping[str, float], page: Path
) -> dict[str, float]:
    """Write Evidently's page of two frames' columns, each with its own threshold; returns the indices it found."""
    from evidently import DataDefinition, Dataset, Report
    from evidently.presets import DataDriftPreset

    definition = DataDefinition(
        numerical_columns=[name for name in thresholds if name not in texts], categorical_columns=list(texts)
    )
    # its headline is of the share of columns that have moved: here one is enough
    preset = DataDriftPreset(method="psi", per_column_threshold=dict(thresholds), drift_share=1 / len(thresholds))
    snapshot = Report([preset]).run(
        current_data=Dataset.from_pandas(current, data_definition=definition),
        reference_data=Dataset.from_pandas(reference, data_definition=definition),
    )
    page.parent.mkdir(parents=True, exist_ok=True)
    partial = page.with_suffix(".partial")
    snapshot.save_html(str(partial))
    partial.replace(page)
    metrics = snapshot.dict()["metrics"]
    return {metric["config"]["column"]: float(metric["value"]) for metric in metrics if "column" in metric["config"]}


def write(report: DriftReport, verdict: DriftVerdict, policy: DriftPolicy, window: str, page: Path) -> None:
    """Write the page of a verdict; it links to `evidently.html` beside it where anything was measured."""
    columns = [{**asdict(column), "has_moved": column.has_moved(policy.exchange.alpha)} for column in report.columns]
    stated = {"report": report, "verdict": verdict, "window": window, "columns": columns}
    write_page(page, _TEMPLATE, {**stated, "alpha": policy.exchange.alpha})
