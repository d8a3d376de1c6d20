"""How many segments there are, judged by silhouette, Davies-Bouldin index and stability together."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations
from math import isnan

import numpy as np
from numpy.typing import NDArray
from sklearn.cluster import KMeans

from ml.evaluation import agreement, separation

STABILITY_FLOOR = 0.65
"""Below it agreement is "poor" in the words of Steinley, Psychological Methods 9 (2004)."""

# Users drawn at random for the many fits that only choose; a fit is done this often, each time from other centres.
USERS = 5_000
INITIALISATIONS = 5

AS_GOOD = 0.05
"""Figures that differ by less than this share are as good as one another: other users would put them the other way."""

# Worse than any figure there is.
_WORST = -1e9

Values = NDArray[np.float64]


@dataclass(frozen=True)
class Size:
    """A number of groups that was tried.

    `stability` is how well groupings fitted on bootstrap resamples of the users agree on all of them: the mean adjusted
    Rand index of each two, 1 at best and 0 by chance.
    """

    groups: int
    silhouette: float
    davies_bouldin: float
    stability: float

    @property
    def is_stable(self) -> bool:
        return self.stability >= STABILITY_FLOOR

    @property
    def merits(self) -> tuple[float, ...]:
        """The three figures, each the better the higher; one that is NaN is the worst there can be."""
        return tuple(
            _WORST if isnan(figure) else figure for figure in (self.silhouette, -self.davies_bouldin, self.stability)
        )


def try_sizes(scaled: Values, sizes: Sequence[int], resamples: int, seed: int) -> tuple[Size, ...]:
    """Each number of groups in `sizes`, fitted to up to `USERS` rows of `scaled`."""
    sample = scaled[:USERS]
    return tuple(_try(sample, groups, resamples, seed) for groups in sizes)


def choose(tried: Sequence[Size], known: int | None = None) -> Size:
    """The size with the best mean rank by the three figures, AS_GOOD ones being equal; of equal ranks the most groups.

    A marketer can join two segments and can't divide one.

    The number of groups that is `known` already stays, unless another is better by all three: chance puts sizes that
    are as good in another order each week. Sizes that are not stable are passed over; where none is stable, the one
    nearest to it is taken, for the gate to refuse.
    """
    stable = [size for size in tried if size.is_stable]
    if not stable:
        return max(tried, key=lambda size: (size.merits[-1], -size.groups))
    for size in stable:
        if size.groups == known and not any(all(_wins(other, size)) for other in stable):
            return size
    return min(stable, key=lambda size: (_beaten(size, stable), -size.groups))


def _beaten(size: Size, others: Sequence[Size]) -> int:
    """How often another size does better by a figure, over all three: the sum of its ranks, the best being 0."""
    return sum(sum(_wins(other, size, AS_GOOD)) for other in others)


def _wins(one: Size, other: Size, margin: float = 0.0) -> list[bool]:
    """By which figures one size is better than another, by more than a share of `margin`."""
    return [mine > theirs + margin * abs(theirs) for mine, theirs in zip(one.merits, other.merits, strict=True)]


def _try(sample: Values, groups: int, resamples: int, seed: int) -> Size:
    found = separation(sample, _fit(sample, groups, seed).labels_)
    rng = np.random.default_rng(seed)
    drawn = (sample[rng.integers(0, len(sample), len(sample))] for _ in range(resamples))
    # each grouping is asked about the same users, whether it was fitted on them or not
    assigned = [_fit(rows, groups, seed).predict(sample) for rows in drawn]
    agreements = [agreement(one, other) for one, other in combinations(assigned, 2)]
    return Size(groups, found.silhouette.value, found.davies_bouldin, float(np.mean(agreements)))


def _fit(rows: Values, groups: int, seed: int) -> KMeans:
    return KMeans(groups, n_init=INITIALISATIONS, random_state=seed).fit(rows)
