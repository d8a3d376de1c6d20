"""Pictures of a stage model: which stages it takes for which, how its rival definitions compare, what it looks at."""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from ml.intervals import Interval
from ml.plots import ACCENT, FAINT, INK, draw, paint_importance
from ml.stage_choice import Choice
from ml.stage_evaluation import StageFigures

if TYPE_CHECKING:
    from matplotlib.axes import Axes


def draw_stages(
    figures: StageFigures, choice: Choice, importance: Mapping[str, float], folder: Path
) -> tuple[Path, ...]:
    """The confusion of the test days, the rivals, and feature importance, one file each."""
    return (
        draw(folder / "confusion.png", lambda axes: _confusion(axes, figures)),
        draw(folder / "rivals.png", lambda axes: _rivals(axes, choice)),
        draw(folder / "importance.png", lambda axes: paint_importance(axes, importance)),
    )


def _confusion(axes: "Axes", figures: StageFigures) -> None:
    rows = figures.confusion.sum(axis=1, keepdims=True)
    shares = figures.confusion / np.maximum(rows, 1)
    axes.imshow(shares, cmap="Blues", vmin=0, vmax=1, aspect="auto")
    for true, counts in enumerate(figures.confusion):
        for named, count in enumerate(counts):
            ink = "white" if shares[true, named] > 0.5 else INK
            axes.text(named, true, f"{shares[true, named]:.0%}\n{count:,}", ha="center", va="center", color=ink)
    places = range(len(figures.stages))
    axes.grid(visible=False)
    axes.set(title="Which stages are taken for which", xlabel="named by the model", ylabel="came true")
    axes.set(xticks=places, xticklabels=figures.stages, yticks=places, yticklabels=figures.stages)


def _rivals(axes: "Axes", choice: Choice) -> None:
    for place, rival in enumerate(choice.rivals):
        chance = rival.figures.chance
        colour = ACCENT if rival is choice.chosen else FAINT
        for row, interval in enumerate(
            (rival.figures.macro_precision, rival.figures.macro_recall, rival.label_agreement.kappa)
        ):
            _bar(axes, row + 0.3 * place, interval, colour, rival.definition if row == 0 else None)
        axes.plot([chance, chance], [0.85 + 0.3 * place, 1.15 + 0.3 * place], color=INK, linestyle=":", linewidth=1)
    axes.axvline(0.0, color=INK, linewidth=1)
    axes.grid(visible=False, axis="y")
    names = ("macro precision", "macro recall\n(dotted: chance)", "agreement with\nthe survey (kappa)")
    axes.set(title="Easy to predict, or right?", yticks=np.arange(3) + 0.15, yticklabels=names)
    axes.invert_yaxis()
    axes.legend(loc="upper center", bbox_to_anchor=(0.5, -0.08), ncols=2)


def _bar(axes: "Axes", height: float, interval: Interval, colour: str, label: str | None) -> None:
    off = [[interval.value - interval.low], [interval.high - interval.value]]
    axes.errorbar([interval.value], [height], xerr=off, fmt="o", color=colour, capsize=3, label=label)
