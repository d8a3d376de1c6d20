"""How far new data have moved from what a model learnt: Evidently measures, a pure rule judges."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from math import isfinite
from pathlib import Path
from typing import Any

import pandas as pd


class Verdict(StrEnum):
    """What a drift report comes to."""

    STABLE = "stable"
    DRIFT = "drift"
    NOT_ENOUGH_DATA = "not_enough_data"


@dataclass(frozen=True)
class ColumnDrift:
    """Population stability index of a column, and the levels that the reference does not know, the commonest first."""

    column: str
    psi: float
    new_levels: tuple[str, ...] = ()


@dataclass(frozen=True)
class DriftReport:
    """The columns that could be measured, the most drifted first; `unmeasured` ones could not."""

    columns: tuple[ColumnDrift, ...]
    unmeasured: tuple[str, ...]
    reference_rows: int
    current_rows: int


@dataclass(frozen=True)
class DriftColumns:
    """The columns to measure, by how their values are compared: in bins or one by one."""

    numeric: Sequence[str]
    categorical: Sequence[str]

    @property
    def names(self) -> tuple[str, ...]:
        return (*self.numeric, *self.categorical)


@dataclass(frozen=True)
class DriftPolicy:
    """A column has drifted from `threshold` on; below `min_rows` chance alone gives such values."""

    threshold: float = 0.2
    min_rows: int = 1_000


@dataclass(frozen=True)
class DriftVerdict:
    """A verdict, the columns that gave it, and the sentence that says why."""

    verdict: Verdict
    drifted: tuple[str, ...]
    reason: str


def measure(
    reference: pd.DataFrame,
    current: pd.DataFrame,
    columns: DriftColumns,
    policy: DriftPolicy,
    page: Path,
) -> DriftReport:
    """Population stability indices of `current` against `reference`, and Evidently's page of them at `page`.

    The page marks the columns that reach the policy's threshold. Levels that the reference does not know count as
    missing and are told apart: one of them alone would give an index above 5, whatever its share. Fewer rows than the
    policy asks for are not measured, and leave no page. Neither frame is changed.
    """
    known = {name: _level_text(reference[name]) for name in columns.categorical}
    found = {name: _level_text(current[name]) for name in columns.categorical}
    new = {name: _new_levels(known[name], found[name]) for name in columns.categorical}
    before = pd.DataFrame({**{name: _number(reference[name]) for name in columns.numeric}, **known})
    after = pd.DataFrame(
        {
            **{name: _number(current[name]) for name in columns.numeric},
            **{name: found[name].where(~found[name].isin(new[name]), "missing") for name in columns.categorical},
        }
    )
    is_enough = min(len(before), len(after)) >= policy.min_rows
    measurable = [name for name in columns.names if is_enough and _is_measurable(before[name], after[name])]
    numbers = [name for name in columns.numeric if name in measurable]
    scores = _psi(before[measurable], after[measurable], numbers, policy.threshold, page)
    measured = [ColumnDrift(name, scores[name], new.get(name, ())) for name in measurable if isfinite(scores[name])]
    return DriftReport(
        columns=tuple(sorted(measured, key=lambda column: -column.psi)),
        unmeasured=tuple(name for name in columns.names if name not in scores),
        reference_rows=len(reference),
        current_rows=len(current),
    )


def judge(report: DriftReport, policy: DriftPolicy) -> DriftVerdict:
    """The verdict that a policy gives on a report."""
    rows = min(report.reference_rows, report.current_rows)
    if rows < policy.min_rows or not report.columns:
        reason = (
            f"{report.current_rows:,} new rows against {report.reference_rows:,}, {len(report.columns)} columns "
            f"to measure; {policy.min_rows:,} rows on each side are needed."
        )
        return DriftVerdict(Verdict.NOT_ENOUGH_DATA, (), reason)
    worst = report.columns[0]
    drifted = tuple(column.column for column in report.columns if column.psi >= policy.threshold)
    told = f"{worst.column} has the highest PSI, {worst.psi:.3f}"
    if drifted:
        reason = f"{len(drifted)} of {len(report.columns)} columns reach {policy.threshold}; {told}."
        return DriftVerdict(Verdict.DRIFT, drifted, reason)
    return DriftVerdict(
        Verdict.STABLE, (), f"None of {len(report.columns)} columns reaches {policy.threshold}; {told}."
    )


def _psi(
    reference: pd.DataFrame, current: pd.DataFrame, numeric: Sequence[str], threshold: float, page: Path
) -> dict[str, float]:
    from evidently import DataDefinition, Dataset, Report
    from evidently.presets import DataDriftPreset

    names = list(reference.columns)
    if not names:
        return {}
    definition = DataDefinition(
        numerical_columns=list(numeric), categorical_columns=[name for name in names if name not in numeric]
    )
    snapshot = Report([DataDriftPreset(method="psi", threshold=threshold)]).run(
        current_data=Dataset.from_pandas(current, data_definition=definition),
        reference_data=Dataset.from_pandas(reference, data_definition=definition),
    )
    page.parent.mkdir(parents=True, exist_ok=True)
    partial = page.with_suffix(".partial")
    snapshot.save_html(str(partial))
    partial.replace(page)
    metrics = snapshot.dict()["metrics"]
    return {metric["config"]["column"]: float(metric["value"]) for metric in metrics if "column" in metric["config"]}


def _level_text(values: "pd.Series[Any]") -> "pd.Series[str]":
    return values.astype(object).where(values.notna(), "missing").astype(str)


def _number(values: "pd.Series[Any]") -> "pd.Series[float]":
    return values.astype("float64")


def _new_levels(known: "pd.Series[str]", found: "pd.Series[str]") -> tuple[str, ...]:
    counts = found[~found.isin(known.unique())].value_counts()
    return tuple(level for level in counts.index if level != "missing")


def _is_measurable(reference: "pd.Series[Any]", current: "pd.Series[Any]") -> bool:
    """A column with one value throughout can't drift in a way that an index measures, nor can one without values."""
    return bool(current.notna().any()) and reference.nunique(dropna=True) > 1
