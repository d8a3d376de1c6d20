"""Pictures of a model, as PNG files; drawn without pyplot, so that no figure stays open."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from ml.evaluation import Curves

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

INK, ACCENT, FAINT = "#1f2933", "#2563eb", "#9aa5b1"
TOP_FEATURES = 15

_STYLE: dict[Any, Any] = {
    "axes.edgecolor": FAINT,
    "axes.axisbelow": True,
    "axes.grid": True,
    "axes.labelcolor": INK,
    "axes.spines.right": False,
    "axes.spines.top": False,
    "axes.titlelocation": "left",
    "axes.titlesize": 12,
    "axes.titleweight": "bold",
    "figure.facecolor": "white",
    "font.size": 10,
    "grid.color": "#e4e7eb",
    "legend.frameon": False,
    "text.color": INK,
    "xtick.color": INK,
    "ytick.color": INK,
}


def draw_model(curves: Curves, importance: Mapping[str, float], folder: Path) -> tuple[Path, ...]:
    """ROC, precision-recall, calibration, lift by decile and feature importance, one file each."""
    return (
        draw(folder / "roc.png", lambda axes: _roc(axes, curves)),
        draw(folder / "precision_recall.png", lambda axes: _precision_recall(axes, curves)),
        draw(folder / "calibration.png", lambda axes: _calibration(axes, curves)),
        draw(folder / "lift.png", lambda axes: _lift(axes, curves)),
        draw(folder / "importance.png", lambda axes: paint_importance(axes, importance)),
    )


def draw_contributions(contributions: pd.DataFrame, values: pd.DataFrame, folder: Path) -> Path:
    """What pushes rows' scores up or down, a dot a row; numbers are coloured from their lowest to their highest."""
    return draw(folder / "contributions.png", lambda axes: _contributions(axes, contributions, values))


@contextmanager
def figure(file: Path, inches: tuple[float, float] = (6.4, 4.4)) -> Iterator["Figure"]:
    """A figure in the style of all pictures, written to `file` once it is painted."""
    from matplotlib import rc_context
    from matplotlib.figure import Figure

    file.parent.mkdir(parents=True, exist_ok=True)
    with rc_context(_STYLE):
        painted = Figure(figsize=inches, dpi=120, layout="constrained")
        yield painted
        painted.savefig(file)


def draw(file: Path, paint: Callable[["Axes"], None]) -> Path:
    """A picture of one pair of axes, as `paint` fills them."""
    with figure(file) as painted:
        paint(painted.add_subplot())
    return file


def _roc(axes: "Axes", curves: Curves) -> None:
    axes.plot(curves.false_positive_rate, curves.true_positive_rate, color=ACCENT, label="model")
    axes.plot([0, 1], [0, 1], color=FAINT, linestyle="--", label="chance")
    axes.set(title="Telling converters from the rest (ROC)", xlabel="share of others shown")
    axes.set(ylabel="share of converters shown", xlim=(0, 1), ylim=(0, 1.02))
    axes.legend(loc="lower right")


def _precision_recall(axes: "Axes", curves: Curves) -> None:
    # recall falls from 1; its first point shows everybody, so that its precision is the base rate
    base_rate = float(curves.precision[0])
    axes.plot(curves.recall, curves.precision, color=ACCENT, label="model")
    axes.axhline(base_rate, color=FAINT, linestyle="--", label=f"showing everybody ({base_rate:.1%})")
    axes.set(title="Precision against recall", xlabel="share of converters shown (recall)")
    axes.set(ylabel="share of the shown that convert (precision)", xlim=(0, 1.02), ylim=(0, None))
    axes.legend(loc="upper right")


def _calibration(axes: "Axes", curves: Curves) -> None:
    top = float(max(curves.predicted.max(), curves.observed.max())) * 1.1 or 1.0
    axes.plot([0, top], [0, top], color=FAINT, linestyle="--", label="as it should be")
    axes.plot(curves.predicted, curves.observed, color=ACCENT, marker="o", label="model, tenths of the rows")
    axes.set(title="Do predicted rates come true? (calibration)", xlabel="predicted conversion rate")
    axes.set(ylabel="observed conversion rate", xlim=(0, top), ylim=(0, top))
    axes.legend(loc="upper left")


def _lift(axes: "Axes", curves: Curves) -> None:
    tenths = np.arange(1, len(curves.lift) + 1)
    axes.bar(tenths, curves.lift, color=ACCENT)
    axes.axhline(1.0, color=INK, linestyle="--", linewidth=1)
    axes.grid(visible=False, axis="x")
    axes.set(title="Conversions against average, best-scored tenth first (lift)", xticks=tenths)
    axes.set(xlabel="tenth of the rows by score", ylabel="times the average rate")


def paint_importance(axes: "Axes", importance: Mapping[str, float]) -> None:
    """The features that a model looks at most."""
    top = list(importance.items())[:TOP_FEATURES][::-1]
    axes.barh([name for name, _ in top], [share for _, share in top], color=ACCENT)
    axes.grid(visible=False, axis="y")
    axes.set(title="What the model looks at", xlabel="share of the whole")


def _contributions(axes: "Axes", contributions: pd.DataFrame, values: pd.DataFrame) -> None:
    top = contributions.abs().mean().nlargest(TOP_FEATURES).index[::-1]
    rng = np.random.default_rng(0)
    for place, name in enumerate(top):
        height = place + rng.uniform(-0.3, 0.3, len(contributions))
        is_text = values[name].map(lambda value: isinstance(value, str)).any()
        rank = 0.5 if is_text else pd.to_numeric(values[name], errors="coerce").rank(pct=True).fillna(0.5)
        colour = np.full(len(contributions), rank)
        axes.scatter(contributions[name], height, c=colour, cmap="coolwarm", vmin=0, vmax=1, s=5, alpha=0.6)
    axes.axvline(0.0, color=INK, linewidth=1)
    axes.grid(visible=False, axis="y")
    axes.set(title="What pushes scores up or down", yticks=range(len(top)), yticklabels=top)
    axes.set(xlabel="log odds added (SHAP); blue: low values, red: high ones")
