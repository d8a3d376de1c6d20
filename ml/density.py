"""DBSCAN beside K-Means: groups by density and of any shape, for comparison alone."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from sklearn.cluster import DBSCAN
from sklearn.neighbors import NearestNeighbors

from ml.evaluation import agreement, separation

USERS = 2_500
_NOISE = -1

Values = NDArray[np.float64]
Groups = NDArray[np.intp]


@dataclass(frozen=True)
class Density:
    """What DBSCAN finds among the users sampled: who has `neighbours` others within `distance` is in a group.

    `noise` is the share of users in no group, `silhouette` that of the others (NaN with fewer than two groups), and
    `agreement` the adjusted Rand index against K-Means on all of them, noise being a group of its own.
    """

    distance: float
    neighbours: int
    groups: int
    noise: float
    silhouette: float
    agreement: float


def by_density(scaled: Values, groups: Groups) -> Density:
    """DBSCAN on up to `USERS` rows of `scaled`, against the `groups` of K-Means on the same rows."""
    sample = scaled[:USERS]
    # twice the dimensions, as Sander et al., Data Mining and Knowledge Discovery 2 (1998), advise
    neighbours = min(2 * sample.shape[1], len(sample) - 1)
    distance = _knee(_distances(sample, neighbours))
    found = DBSCAN(eps=distance, min_samples=neighbours).fit_predict(sample)
    is_grouped = found != _NOISE
    return Density(
        distance=distance,
        neighbours=neighbours,
        groups=len(np.unique(found[is_grouped])),
        noise=float(1 - is_grouped.mean()),
        silhouette=separation(sample[is_grouped], found[is_grouped]).silhouette.value,
        agreement=agreement(found, groups[:USERS]),
    )


def _distances(sample: Values, neighbours: int) -> Values:
    """The distance of each row from its last of `neighbours` neighbours, itself the first, ascending."""
    distances, _ = NearestNeighbors(n_neighbors=neighbours).fit(sample).kneighbors(sample)
    return np.sort(distances[:, -1])


def _knee(ascending: Values) -> float:
    """The value at which a rising curve lies farthest below the straight line from its first point to its last."""
    straight = np.linspace(ascending[0], ascending[-1], len(ascending))
    # DBSCAN wants more than no distance, which rows that are all alike have
    return float(max(ascending[np.argmax(straight - ascending)], np.finfo(float).eps))
