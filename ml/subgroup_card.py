"""Sections of a model card: groups of visitors, and where the model errs; tables that a marketer can read."""

from collections.abc import Sequence
from math import isfinite

from ml.error_analysis import ERRORS, ErrorReport, Excess
from ml.intervals import Interval
from ml.subgroups import FIGURES, GROUP_ROWS, Breakdown, Difference

SHOWN_EXCESSES = 3

_WORDS = {
    "roc_auc": "ROC-AUC",
    "recall": "converters shown",
    "precision": "converters among the shown",
    "impressions_share": "rows shown",
    "positives_share": "converters",
    "missed": "converters missed",
    "needless": "others shown in vain",
}


def subgroup_section(breakdowns: Sequence[Breakdown]) -> str:
    """How good the model is to each group of visitors, and which groups differ by more than chance."""
    if not breakdowns:
        return "No column of the contract that this model reads tells groups apart."
    return "\n\n".join(
        (
            "On the test days, at the threshold, with 95 % intervals in which a user counts once. Groups of fewer than "
            f"{GROUP_ROWS} rows are judged together. Among many comparisons a few lie apart by chance.",
            *(f"{_table(breakdown)}\n\n{_differences(breakdown)}" for breakdown in breakdowns),
        )
    )


def error_section(report: ErrorReport) -> str:
    """What the model gets wrong, and where it does so more often than elsewhere."""
    whole = "; ".join(f"{_WORDS[error]} {_percent(rate)}" for error, rate in report.whole.items())
    looked_at = ", ".join(f"`{breakdown.by}`" for breakdown in report.breakdowns)
    found = [
        excess
        for error in ERRORS
        for excess in [excess for excess in report.excesses if excess.error == error][:SHOWN_EXCESSES]
    ]
    if not found:
        return f"{whole}. By {looked_at} it can't be told that it errs more often somewhere than elsewhere."
    rows = (_row(excess) for excess in found)
    head = ("| where | rows | error | how often | 95 % interval |", "|---|---|---|---|---|")
    return f"{whole}. It errs more often than that, by what it looks at most ({looked_at}), where:\n\n" + "\n".join(
        (*head, *rows)
    )


def _table(breakdown: Breakdown) -> str:
    head = f"| {breakdown.by} | rows | {' | '.join(_WORDS[figure] for figure in FIGURES)} |"
    rows = (
        f"| {group.name} | {group.rows:,} | "
        + " | ".join(_cell(figure, group.figures[figure]) for figure in FIGURES)
        + " |"
        for group in breakdown.groups
    )
    return "\n".join((head, "|---" * (2 + len(FIGURES)) + "|", *rows))


def _cell(figure: str, interval: Interval) -> str:
    if figure != "roc_auc":
        return _percent(interval)
    if not isfinite(interval.value):
        return "too few"
    return f"{interval}" if interval.low > 0.5 else f"{interval}: cannot tell"


def _differences(breakdown: Breakdown) -> str:
    told = "; ".join(_difference(found) for found in breakdown.differences)
    return f"Differ by more than chance: {told}." if told else "Cannot tell any of these groups apart."


def _difference(found: Difference) -> str:
    return f"{_WORDS[found.figure]}, lower of {found.low.name} than of {found.high.name}"


def _row(excess: Excess) -> str:
    stratum, rate = excess.stratum, excess.rate
    return (
        f"| `{excess.by}` {stratum.name} | {stratum.rows:,} | {_WORDS[excess.error]} | {rate.value:.1%} | "
        f"{rate.low:.1%} to {rate.high:.1%} |"
    )


def _percent(interval: Interval) -> str:
    if not isfinite(interval.value):
        return "none"
    return f"{interval.value:.1%} ({interval.low:.1%} to {interval.high:.1%})"
