"""Segments: users grouped by likeness with K-Means, each group with a name that a marketer can use."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.cluster import KMeans
from sklearn.impute import SimpleImputer
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import PowerTransformer
from threadpoolctl import threadpool_limits

from feature_repo.contract import Column
from ml import pipelines
from ml.bundle import BundleError, sha256, verified
from ml.encoding import Encoding
from ml.evaluation import Separation, separation
from ml.personas import name_segments
from ml.specs import SegmentSpec

FORMAT = 2
MODEL_FILE = "model.skops"

# Users drawn at random for the final fit, and for the many fits that only choose the number of segments.
FIT_USERS = 20_000
CHOICE_USERS = 5_000
CHOICE_INITIALISATIONS = 10

Values = NDArray[np.float64]


class TooFewUsers(ValueError):  # noqa: N818 - says what is wrong
    """There are too few users, or too few that differ, to tell groups apart; the message counts them."""


@dataclass(frozen=True)
class Header:
    """What a stored segmentation states about itself; days are YYYY-MM-DD."""

    model: str
    feature_service: str
    contract_checksum: str
    trained_from: str
    trained_to: str


@dataclass(frozen=True)
class Segments:
    """Groups of users: `pipeline` imputes, scales and finds the nearest centre; `names` are in its order."""

    names: tuple[str, ...]
    encoding: Encoding
    pipeline: Pipeline

    def assign(self, frame: pd.DataFrame) -> NDArray[np.object_]:
        """The name of each user's segment."""
        return np.array(self.names, dtype=object)[self.groups(frame)]

    def groups(self, frame: pd.DataFrame) -> NDArray[np.intp]:
        """The position in `names` of each user's segment."""
        return np.asarray(self.pipeline.predict(_numbers(self.encoding, frame)), dtype=np.intp)

    def scaled(self, frame: pd.DataFrame) -> Values:
        """Each user where distances are measured: mean 0 and deviation 1 over the users fitted on."""
        return np.asarray(self.pipeline[:-1].transform(_numbers(self.encoding, frame)), dtype=np.float64)


@dataclass(frozen=True)
class Segment:
    """A group of users; `profile` is its distance from the average user by theme, in standard deviations."""

    name: str
    users: int
    share: float
    profile: Mapping[str, float]


@dataclass(frozen=True)
class SegmentReport:
    """What was found: the segments, the largest first, and the silhouette of each number of them tried."""

    segments: tuple[Segment, ...]
    separation: Separation
    silhouette_by_size: Mapping[int, float]
    users: int

    def as_metadata(self) -> dict[str, float]:
        """Every figure by name."""
        silhouette = self.separation.silhouette
        return {
            "users": float(self.users),
            "segments": float(len(self.segments)),
            "silhouette": silhouette.value,
            "silhouette_low": silhouette.low,
            "silhouette_high": silhouette.high,
            "davies_bouldin": self.separation.davies_bouldin,
        }


def fit(spec: SegmentSpec, frame: pd.DataFrame, features: Sequence[Column]) -> tuple[Segments, SegmentReport]:
    """Segments of the users in `frame`, one row each, and how good they are.

    Above `FIT_USERS` users, centres are fitted on that many drawn at random; every user is then assigned.

    Raises:
        TooFewUsers: there are fewer users than the spec asks for, or fewer than three that differ.
    """
    if len(frame) < spec.min_users:
        raise TooFewUsers(f"{spec.name} has {len(frame)} users; at least {spec.min_users} are needed.")
    encoding = Encoding.fit(features, frame)
    numbers = _numbers(encoding, frame)
    scaler = Pipeline(
        [
            ("impute", SimpleImputer(strategy="median", keep_empty_features=True)),
            # counts and sums are skewed: a few heavy users would else take a segment each
            ("scale", PowerTransformer()),
        ]
    )
    scaled = np.random.default_rng(spec.seed).permutation(scaler.fit_transform(numbers))[:FIT_USERS]
    # on busy cores K-Means' threads wait for each other: one alone is up to 17 times as fast
    with threadpool_limits(1):
        silhouettes = _silhouettes(spec, scaled[:CHOICE_USERS])
        size = max(silhouettes, key=lambda tried: silhouettes[tried])
        means = KMeans(size, n_init=spec.initialisations, random_state=spec.seed).fit(scaled)
    profiles = [_profile(centre, encoding, features) for centre in means.cluster_centers_]
    segments = Segments(name_segments(profiles), encoding, Pipeline([*scaler.steps, ("cluster", means)]))
    return segments, _report(segments, frame, profiles, silhouettes)


def write(segments: Segments, header: Header, folder: Path) -> str:
    """Write segments as skops with a JSON description; returns its digest, the SHA-256 of bundle.json."""
    folder.mkdir(parents=True, exist_ok=True)
    pipelines.dump(segments.pipeline, folder / MODEL_FILE)
    stated = {
        "format": FORMAT,
        "header": asdict(header),
        "names": segments.names,
        "encoding": segments.encoding.stated(),
        "files": {MODEL_FILE: sha256(folder / MODEL_FILE)},
    }
    (folder / "bundle.json").write_text(json.dumps(stated, indent=1))
    return sha256(folder / "bundle.json")


def read(folder: Path, digest: str) -> Segments:
    """The segments in `folder`, if they are those whose digest was registered.

    Raises:
        BundleError: a file is missing or altered, or the format is unknown.
    """
    stated = json.loads(verified(folder / "bundle.json", digest))
    if stated["format"] != FORMAT:
        raise BundleError(
            f"Segments {folder} have format {stated['format']}; this code reads format {FORMAT}: group users again."
        )
    content = verified(folder / MODEL_FILE, stated["files"][MODEL_FILE])
    return Segments(tuple(stated["names"]), Encoding.of(stated["encoding"]), pipelines.load(content))


def _numbers(encoding: Encoding, frame: pd.DataFrame) -> Values:
    return encoding.transform(frame).astype(np.float64)


def _silhouettes(spec: SegmentSpec, scaled: Values) -> dict[int, float]:
    distinct = len(np.unique(scaled, axis=0))
    if distinct < 3:
        raise TooFewUsers(f"{spec.name} has {distinct} users that differ; at least 3 are needed.")
    found = {}
    for size in sorted({min(size, distinct - 1) for size in spec.sizes}):
        groups = KMeans(size, n_init=CHOICE_INITIALISATIONS, random_state=spec.seed).fit_predict(scaled)
        found[size] = separation(scaled, groups).silhouette.value
    return found


def _profile(centre: Values, encoding: Encoding, features: Sequence[Column]) -> dict[str, float]:
    position = {name: index for index, name in enumerate(encoding.names)}
    themes: dict[str, list[float]] = {}
    for feature in features:
        # of a text feature there is no more or less
        if feature.theme is not None and feature.name in position:
            themes.setdefault(feature.theme, []).append(float(centre[position[feature.name]]))
    return {theme: float(np.mean(distances)) for theme, distances in themes.items()}


def _report(
    segments: Segments,
    frame: pd.DataFrame,
    profiles: Sequence[Mapping[str, float]],
    silhouettes: Mapping[int, float],
) -> SegmentReport:
    groups = segments.groups(frame)
    users = np.bincount(groups, minlength=len(segments.names))
    found = [
        Segment(name, int(count), float(count / len(frame)), profile)
        for name, count, profile in zip(segments.names, users, profiles, strict=True)
    ]
    return SegmentReport(
        segments=tuple(sorted(found, key=lambda segment: -segment.users)),
        separation=separation(segments.scaled(frame), groups),
        silhouette_by_size=silhouettes,
        users=len(frame),
    )
