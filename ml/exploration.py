"""A look at training rows, never at test rows: levels that tell of the label, and how many axes hold the rows."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.decomposition import PCA
from sklearn.ensemble import RandomForestClassifier
from sklearn.impute import SimpleImputer
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from ml.bundle import BundleFeature
from ml.encoding import Encoding
from ml.evaluation import target_of
from ml.plots import ACCENT, FAINT, TOP_FEATURES, draw
from ml.training import Fitted

if TYPE_CHECKING:
    from matplotlib.axes import Axes

MANY_LEVELS = 5
"""Levels from which on a text is worth a forest of its own."""

_ROWS = 5_000
_TREES = 50


@dataclass(frozen=True)
class Exploration:
    """Importance of the levels of each text that has many, the largest first; and of each principal component of the
    encoded rows, the share of their variance that it explains.
    """

    levels: Mapping[str, Mapping[str, float]]
    explained: NDArray[np.float64]


def explore(fitted: Fitted[BundleFeature], features: Sequence[BundleFeature], train: pd.DataFrame) -> Exploration:
    """What the training rows of a model show; of many rows, `_ROWS` drawn at random."""
    rows = train.sample(min(len(train), _ROWS), random_state=fitted.spec.seed)
    texts = [feature for feature in features if feature.data_type == "string"]
    found = {text.name: _level_importance(fitted, text, rows) for text in texts}
    scaled = make_pipeline(SimpleImputer(strategy="median", keep_empty_features=True), StandardScaler(), PCA())
    scaled.fit(fitted.encoding.transform(rows).astype(np.float64))
    return Exploration(
        {name: levels for name, levels in found.items() if len(levels) >= MANY_LEVELS},
        scaled[-1].explained_variance_ratio_,
    )


def draw_exploration(exploration: Exploration, folder: Path) -> tuple[Path, ...]:
    """The levels of each text, one file each, and the scree of the principal components."""
    return (
        *(
            draw(folder / f"levels_{name}.png", partial(_levels, name=name, levels=levels))
            for name, levels in exploration.levels.items()
        ),
        draw(folder / "scree.png", partial(_scree, explained=exploration.explained)),
    )


def _level_importance(fitted: Fitted[BundleFeature], text: BundleFeature, rows: pd.DataFrame) -> dict[str, float]:
    encoding = Encoding.fit([replace(text, place=None)], rows)
    levels = encoding.levels[text.name] or ()
    if len(levels) < MANY_LEVELS:
        return {}
    forest = RandomForestClassifier(_TREES, min_samples_leaf=5, random_state=fitted.spec.seed)
    forest.fit(encoding.transform(rows), target_of(rows, fitted.spec.label))
    shares = zip(levels, map(float, forest.feature_importances_), strict=True)
    return dict(sorted(shares, key=lambda pair: -pair[1]))


def _levels(axes: "Axes", name: str, levels: Mapping[str, float]) -> None:
    top = list(levels.items())[:TOP_FEATURES][::-1]
    axes.barh([level for level, _ in top], [share for _, share in top], color=ACCENT)
    axes.grid(visible=False, axis="y")
    axes.set(
        title=f"Levels of {name} that tell of the label", xlabel="importance in a random forest of this column alone"
    )


def _scree(axes: "Axes", explained: NDArray[np.float64]) -> None:
    components = np.arange(1, len(explained) + 1)
    held = explained.cumsum()
    most = int(np.searchsorted(held, 0.9)) + 1
    axes.bar(components, explained, color=FAINT, label="of one component")
    axes.plot(components, held, color=ACCENT, label="of all up to it")
    axes.axhline(0.9, color=FAINT, linestyle="--", linewidth=1)
    axes.set(title=f"Variance of the encoded rows: {most} of {len(explained)} axes hold 90 %")
    axes.set(xlabel="principal component", ylabel="share of the variance", ylim=(0, 1.02))
    axes.legend(loc="center right")
