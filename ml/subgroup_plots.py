"""Pictures of groups of visitors and of errors: each group's figure with its 95 % interval."""

from collections.abc import Sequence
from functools import partial
from math import isfinite
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from ml.error_analysis import ErrorReport
from ml.intervals import Interval
from ml.plots import ACCENT, FAINT, INK, draw
from ml.subgroups import Breakdown

if TYPE_CHECKING:
    from matplotlib.axes import Axes

SHOWN_ROWS = 20

_TITLES = {
    "roc_auc": "Telling converters from the rest, by group (ROC-AUC)",
    "recall": "Share of converters shown, by group (recall)",
    "impressions_share": "Share of rows shown, by group",
}
_ERRORS = {
    "missed": "Converters missed, of all converters",
    "needless": "Others shown in vain, of all others",
}

Row = tuple[str, Interval]


def draw_subgroups(breakdowns: Sequence[Breakdown], folder: Path) -> tuple[Path, ...]:
    """ROC-AUC, recall and impressions of each group, one file each, where two groups at least have it."""
    rows_by_figure = {
        figure: [
            (f"{breakdown.by}: {group.name} ({group.rows:,})", group.figures[figure])
            for breakdown in breakdowns
            for group in breakdown.groups
        ]
        for figure in _TITLES
    }
    return tuple(
        draw(folder / f"subgroups_{figure}.png", partial(_forest, rows=rows, title=_TITLES[figure]))
        for figure, rows in rows_by_figure.items()
        if sum(isfinite(interval.value) for _, interval in rows) > 1
    )


def draw_errors(report: ErrorReport, folder: Path) -> tuple[Path, ...]:
    """How often converters are missed, and others shown in vain, by what the model looks at most; one file each."""
    files = []
    for error, title in _ERRORS.items():
        rows = [
            (f"{breakdown.by}: {stratum.name}", stratum.figures[error])
            for breakdown in report.breakdowns
            for stratum in breakdown.groups
        ]
        if isfinite(report.whole[error].value):
            paint = partial(_forest, rows=rows, title=title, whole=report.whole[error].value)
            files.append(draw(folder / f"errors_{error}.png", paint))
    return tuple(files)


def _forest(axes: "Axes", rows: Sequence[Row], title: str, whole: float | None = None) -> None:
    known = [(name, interval) for name, interval in rows if isfinite(interval.value)][:SHOWN_ROWS]
    places = np.arange(len(known))[::-1]
    values = np.array([interval.value for _, interval in known])
    bounds = np.array([(interval.low, interval.high) for _, interval in known]).T
    axes.errorbar(values, places, xerr=np.abs(bounds - values), fmt="o", color=ACCENT, ecolor=FAINT, markersize=5)
    if whole is not None:
        axes.axvline(whole, color=INK, linestyle="--", linewidth=1)
    axes.grid(visible=False, axis="y")
    dashed = "" if whole is None else f"; dashed: all rows, {whole:.1%}"
    axes.set(title=title, xlim=(-0.02, 1.02), xlabel=f"with 95 % interval{dashed}")
    axes.set_yticks(places, [name for name, _ in known], fontsize=8)
