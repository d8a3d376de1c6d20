"""Segments: users grouped by likeness with K-Means, each with an id that stays and a name that a marketer can use."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from math import isfinite

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.cluster import KMeans
from sklearn.impute import SimpleImputer
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import PowerTransformer
from threadpoolctl import threadpool_limits

from feature_repo.contract import Column
from ml import identity
from ml.density import Density, by_density
from ml.encoding import Encoding
from ml.evaluation import Separation, separation
from ml.identity import Continuity, Event, Identity, Past
from ml.segment_choice import Size, choose, try_sizes
from ml.specs import SegmentSpec

# Users drawn at random for the final fit.
FIT_USERS = 20_000

# Initialisations whose inertia is less than this much above the best are taken to have found the same groups.
_SAME = 0.001

Values = NDArray[np.float64]


class TooFewUsers(ValueError):  # noqa: N818 - says what is wrong
    """There are too few users, or too few that differ, to tell groups apart; the message counts them."""


@dataclass(frozen=True)
class Segments:
    """Groups of users: `pipeline` imputes, scales and finds the nearest centre; `identities` are in its order.

    `ledger` holds what ended and began, from the first clustering to this one.
    """

    identities: tuple[Identity, ...]
    encoding: Encoding
    pipeline: Pipeline
    ledger: tuple[Event, ...] = ()

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(identity.name for identity in self.identities)

    def assign(self, frame: pd.DataFrame) -> list[Identity]:
        """The segment of each user."""
        return [self.identities[group] for group in self.groups(frame)]

    def groups(self, frame: pd.DataFrame) -> NDArray[np.intp]:
        """The position in `identities` of each user's segment."""
        return np.asarray(self.pipeline.predict(_numbers(self.encoding, frame)), dtype=np.intp)

    def scaled(self, frame: pd.DataFrame) -> Values:
        """Each user where distances are measured: mean 0 and deviation 1 over the users fitted on."""
        return np.asarray(self.pipeline[:-1].transform(_numbers(self.encoding, frame)), dtype=np.float64)


@dataclass(frozen=True)
class Predecessor:
    """The segments that a clustering follows, None for the first, and how many ids were given until then, by any."""

    segments: Segments | None = None
    ids_given: int = 0


@dataclass(frozen=True)
class Segment:
    """A group of users; `profile` is its distance from the average user by theme, in standard deviations."""

    id: str
    name: str
    users: int
    share: float
    profile: Mapping[str, float]


@dataclass(frozen=True)
class Inertia:
    """Sums of squared distances from the nearest centre, over the initialisations of one fit.

    `near_best` is the share of initialisations that came within a thousandth of the best: of one, groups are as good as
    certain to be the best there are.
    """

    best: float
    mean: float
    worst: float
    near_best: float


@dataclass(frozen=True)
class SegmentReport:
    """What was found: the segments, the largest first, and by which figures."""

    segments: tuple[Segment, ...]
    separation: Separation
    size: Size
    tried: tuple[Size, ...]
    inertia: Inertia
    density: Density
    continuity: Continuity
    users: int

    def as_metadata(self) -> dict[str, float]:
        """Every defined figure by name."""
        silhouette = self.separation.silhouette
        figures = {
            "users": self.users,
            "segments": len(self.segments),
            "silhouette": silhouette.value,
            "silhouette_low": silhouette.low,
            "silhouette_high": silhouette.high,
            "davies_bouldin": self.separation.davies_bouldin,
            "stability": self.size.stability,
            "users_kept": self.continuity.kept,
            **{f"inertia_{name}": value for name, value in asdict(self.inertia).items()},
            **{f"dbscan_{name}": value for name, value in asdict(self.density).items()},
        }
        return {
            name: value if isinstance(value, int) else float(value)
            for name, value in figures.items()
            if isfinite(value)
        }


def fit(
    spec: SegmentSpec,
    frame: pd.DataFrame,
    features: Sequence[Column],
    day: str,
    predecessor: Predecessor = Predecessor(),
) -> tuple[Segments, SegmentReport]:
    """Segments of the users in `frame`, one row each, as of a day (YYYY-MM-DD), and how good they are.

    Above `FIT_USERS` users, centres are fitted on that many drawn at random; every user is then assigned. What was a
    segment before keeps its id and its name.

    Raises:
        TooFewUsers: there are fewer users than the spec asks for, or fewer than three that differ.
    """
    if len(frame) < spec.min_users:
        raise TooFewUsers(f"{spec.name} has {len(frame)} users; at least {spec.min_users} are needed.")
    encoding = Encoding.fit(features, frame)
    scaler = _scaler()
    scaled = scaler.fit_transform(_numbers(encoding, frame))
    drawn = np.random.default_rng(spec.seed).permutation(scaled)[:FIT_USERS]
    before = predecessor.segments
    # on busy cores K-Means' threads wait for each other: one alone is up to 17 times as fast
    with threadpool_limits(1):
        tried = try_sizes(drawn, _sizes(spec, drawn), spec.resamples, spec.seed)
        size = choose(tried, len(before.identities) if before else None)
        means, inertia = _best(spec, drawn, size.groups)
        density = by_density(drawn, means.labels_)
        groups = np.asarray(means.predict(scaled), dtype=np.intp)
    profiles = [_profile(centre, encoding, features) for centre in means.cluster_centers_]
    continuity = identity.follow(_past(predecessor, frame), groups, profiles, day)
    pipeline = Pipeline([*scaler.steps, ("cluster", means)])
    ledger = (*(before.ledger if before else ()), *continuity.events)
    found = _segments(continuity.identities, groups, profiles)
    report = SegmentReport(found, separation(scaled, groups), size, tried, inertia, density, continuity, len(frame))
    return Segments(continuity.identities, encoding, pipeline, ledger), report


def _scaler() -> Pipeline:
    return Pipeline(
        [
            ("impute", SimpleImputer(strategy="median", keep_empty_features=True)),
            # counts and sums are skewed: a few heavy users would else take a segment each
            ("scale", PowerTransformer()),
        ]
    )


def _numbers(encoding: Encoding, frame: pd.DataFrame) -> Values:
    return encoding.transform(frame).astype(np.float64)


def _sizes(spec: SegmentSpec, drawn: Values) -> list[int]:
    """The numbers of groups to try: the spec's, as far as there are users that differ."""
    distinct = len(np.unique(drawn, axis=0))
    if distinct < 3:
        raise TooFewUsers(f"{spec.name} has {distinct} users that differ; at least 3 are needed.")
    return sorted({min(size, distinct - 1) for size in spec.sizes})


def _best(spec: SegmentSpec, drawn: Values, groups: int) -> tuple[KMeans, Inertia]:
    """The grouping of least inertia, as KMeans' own `n_init` finds it; that one forgets what the others came to."""
    tries = [
        KMeans(groups, n_init=1, random_state=spec.seed + number).fit(drawn) for number in range(spec.initialisations)
    ]
    best = min(tries, key=lambda means: means.inertia_)
    inertias = np.array([means.inertia_ for means in tries])
    near = inertias <= best.inertia_ * (1 + _SAME)
    return best, Inertia(float(best.inertia_), float(inertias.mean()), float(inertias.max()), float(near.mean()))


def _past(predecessor: Predecessor, frame: pd.DataFrame) -> Past:
    segments = predecessor.segments
    if segments is None:
        return Past((), np.zeros(len(frame), dtype=np.intp), predecessor.ids_given)
    # what was a feature then and is none now counts as missing
    known = frame.reindex(columns=list(dict.fromkeys(segments.encoding.sources.values())))
    return Past(segments.identities, segments.groups(known), predecessor.ids_given)


def _profile(centre: Values, encoding: Encoding, features: Sequence[Column]) -> dict[str, float]:
    position = {name: index for index, name in enumerate(encoding.names)}
    themes: dict[str, list[float]] = {}
    for feature in features:
        # of a text feature there is no more or less
        if feature.theme is not None and feature.name in position:
            themes.setdefault(feature.theme, []).append(float(centre[position[feature.name]]))
    return {theme: float(np.mean(distances)) for theme, distances in themes.items()}


def _segments(
    identities: Sequence[Identity], groups: NDArray[np.intp], profiles: Sequence[Mapping[str, float]]
) -> tuple[Segment, ...]:
    """The segments, the largest first."""
    users = np.bincount(groups, minlength=len(identities))
    found = (
        Segment(known.id, known.name, int(count), float(count / len(groups)), profile)
        for known, count, profile in zip(identities, users, profiles, strict=True)
    )
    return tuple(sorted(found, key=lambda segment: -segment.users))
