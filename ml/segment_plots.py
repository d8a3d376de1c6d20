"""Pictures of segments, as PNG files: how many there are, how well users fit them, and where they lie."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from feature_repo.contract import Column
from ml.evaluation import Separation
from ml.plots import ACCENT, FAINT, INK, figure
from ml.segment_choice import STABILITY_FLOOR, Size
from ml.segments import SegmentReport, Segments

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

MAP_USERS = 3_000
PAIR_USERS = 1_000
PAIRED_FEATURES = 4

Values = NDArray[np.float64]
Groups = NDArray[np.intp]


def draw_segments(
    segments: Segments, report: SegmentReport, frame: pd.DataFrame, features: Sequence[Column], folder: Path
) -> tuple[Path, ...]:
    """The choice of their number, the silhouettes, a map of users, and the features that tell most, pair by pair."""
    drawn = np.random.default_rng(0).permutation(len(frame))
    scaled, found = segments.scaled(frame)[drawn], segments.groups(frame)[drawn]
    # by their ids: a segment keeps its colour for as long as those before it stay
    order = sorted(range(len(segments.identities)), key=lambda group: segments.identities[group].number)
    place = np.argsort(order)
    groups, separation = place[found], replace(report.separation, groups=place[report.separation.groups])
    titles = [f"{segments.identities[group].id} {segments.identities[group].name}" for group in order]
    files = tuple(folder / f"{name}.png" for name in ("choice", "silhouette", "map", "pairs"))
    choice, silhouette, plan, pairs = files
    with figure(choice, (9.6, 3.4)) as painted:
        _choice(painted, report.tried, report.size)
    with figure(silhouette, (7.6, 4.4)) as painted:
        _silhouette(painted.add_subplot(), titles, separation)
    with figure(plan, (7.6, 4.4)) as painted:
        _map(painted.add_subplot(), titles, scaled[:MAP_USERS], groups[:MAP_USERS])
    telling = _telling(scaled, groups, segments.encoding.names, features)
    with figure(pairs, (9.6, 7.6)) as painted:
        shown = {segments.encoding.names[column]: scaled[:PAIR_USERS, column] for column in telling}
        _pairs(painted, titles, pd.DataFrame(shown), groups[:PAIR_USERS])
    return files


def _choice(painted: "Figure", tried: Sequence[Size], chosen: Size) -> None:
    sizes = [size.groups for size in tried]
    curves = {
        "silhouette (higher is better)": [size.silhouette for size in tried],
        "Davies-Bouldin index (lower is better)": [size.davies_bouldin for size in tried],
        "stability, adjusted Rand index (higher)": [size.stability for size in tried],
    }
    painted.suptitle(f"How many segments? {chosen.groups} are chosen, by all three figures", fontweight="bold")
    panels = painted.subplots(1, len(curves))
    for axes, (name, values) in zip(panels, curves.items(), strict=True):
        axes.plot(sizes, values, color=ACCENT, marker="o")
        axes.axvline(chosen.groups, color=INK, linestyle="--", linewidth=1)
        axes.set(xlabel="segments", xticks=sizes)
        axes.set_title(name, fontsize=9, fontweight="normal")
    panels[-1].axhline(STABILITY_FLOOR, color=FAINT, linestyle="--", label=f"least asked for, {STABILITY_FLOOR}")
    panels[-1].set_ylim(min(STABILITY_FLOOR, *curves["stability, adjusted Rand index (higher)"]) - 0.05, 1.02)
    panels[-1].legend(loc="lower left", fontsize=8)


def _silhouette(axes: "Axes", titles: Sequence[str], separation: Separation) -> None:
    start = 0
    for group, title in enumerate(titles):
        widths = np.sort(separation.widths[separation.groups == group])
        rows = np.arange(start, start + len(widths))
        axes.fill_betweenx(rows, 0, widths, color=f"C{group}", label=title)
        start += len(widths) + max(len(separation.widths) // 50, 1)
    axes.axvline(separation.silhouette.value, color=INK, linestyle="--", linewidth=1)
    axes.invert_yaxis()
    axes.set(title=f"How well users fit their segment: {separation.silhouette}", yticks=[])
    axes.set(xlabel="silhouette (1: at home, 0: on the border)")
    axes.legend(loc="center left", bbox_to_anchor=(1.0, 0.5))


def _map(axes: "Axes", titles: Sequence[str], scaled: Values, groups: Groups) -> None:
    from sklearn.decomposition import PCA

    components = PCA(min(2, *scaled.shape), random_state=0).fit(scaled)
    places = np.pad(components.transform(scaled), ((0, 0), (0, 2 - components.n_components_)))
    explained = components.explained_variance_ratio_.sum()
    for group, title in enumerate(titles):
        here = groups == group
        axes.scatter(places[here, 0], places[here, 1], s=7, alpha=0.5, color=f"C{group}", label=title)
    axes.set(title=f"Map of users (two axes hold {explained:.0%} of the variance)", xticks=[], yticks=[])
    axes.set(xlabel="first principal component", ylabel="second principal component")
    axes.legend(loc="center left", bbox_to_anchor=(1.0, 0.5), markerscale=2)


def _pairs(painted: "Figure", titles: Sequence[str], users: pd.DataFrame, groups: Groups) -> None:
    size = len(users.columns)
    panels = painted.subplots(size, size, squeeze=False)
    # counts lie on top of each other
    strewn = users + np.random.default_rng(0).normal(0, 0.05, users.shape)
    for row, below in enumerate(users):
        for column, beside in enumerate(users):
            axes = panels[row, column]
            if column > row:
                axes.remove()
                continue
            _panel(axes, strewn[beside], None if row == column else strewn[below], groups, titles)
            axes.set(xticks=[], yticks=[])
            axes.set_xlabel(beside if row == size - 1 else "", fontsize=8)
            axes.set_ylabel(below if column == 0 else "", fontsize=8)
    painted.suptitle(
        "The features that tell segments apart most, one of each theme (skew taken out)", fontweight="bold"
    )
    handles, labels = panels[0, 0].get_legend_handles_labels()
    painted.legend(handles, labels, loc="upper right", bbox_to_anchor=(0.98, 0.93))


def _panel(axes: "Axes", across: pd.Series, up: pd.Series | None, groups: Groups, titles: Sequence[str]) -> None:
    """Users by two features, or the share of each segment's users by one."""
    bins = np.linspace(across.min(), across.max(), 25).tolist()
    for group, title in enumerate(titles):
        here = groups == group
        if up is None:
            shares = np.full(int(here.sum()), 1 / max(here.sum(), 1))
            colour = f"C{group}"
            axes.hist(
                across[here], bins=bins, weights=shares, histtype="step", color=colour, label=title, linewidth=1.5
            )
        else:
            axes.scatter(across[here], up[here], s=4, alpha=0.4, color=f"C{group}", linewidths=0)


def _telling(scaled: Values, groups: Groups, names: Sequence[str], features: Sequence[Column]) -> list[int]:
    """The columns in which groups differ most, the best of each theme, at most `PAIRED_FEATURES` of them."""
    themes = {feature.name: feature.theme or feature.name for feature in features}
    means = np.array([scaled[groups == group].mean(axis=0) for group in np.unique(groups)])
    between = np.average((means - scaled.mean(axis=0)) ** 2, axis=0, weights=np.unique(groups, return_counts=True)[1])
    share = np.divide(between, scaled.var(axis=0), out=np.zeros_like(between), where=between > 0)

    def best_of_themes() -> Iterator[int]:
        seen = set()
        for column in np.argsort(-share, kind="stable"):
            theme = themes.get(names[column].partition("=")[0])
            if theme not in seen:
                seen.add(theme)
                yield int(column)

    return list(islice(best_of_themes(), PAIRED_FEATURES))
