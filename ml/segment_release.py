"""From users to a registered version of the segments: group, name as before, draw, bundle, register, pass the gate."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import pandas as pd

from feature_repo.contract import Column
from ml import gate, segment_bundle, segments
from ml.bundle import BundleError, PlainHeader
from ml.card import Origin
from ml.gate import GateOutcome
from ml.promotion import Seat
from ml.registry import Registry, RegistryError
from ml.segment_card import segment_card
from ml.segment_plots import draw_segments
from ml.segments import Predecessor, SegmentReport
from ml.specs import SegmentSpec
from ml.terms import Terms, tags_of
from ml.versions import ChampionVersion, NewVersion

_IDS_GIVEN = "ids_given"
"""The tag that says how many ids had been given to segments when a version was registered."""


@dataclass(frozen=True)
class Users:
    """Users as they were at the end of a day, and the features to group them by."""

    frame: pd.DataFrame
    features: Sequence[Column]
    day: date


@dataclass(frozen=True)
class SegmentRelease:
    """A registered version of the segments; it is the champion if the gate let it pass."""

    version: str
    digest: str
    report: SegmentReport
    gate: GateOutcome
    plots: Sequence[Path]


def release_segments(spec: SegmentSpec, users: Users, registry: Registry, terms: Terms, folder: Path) -> SegmentRelease:
    """Group `users`, and register the groups; `folder` is for its files.

    Raises:
        TooFewUsers: there are too few users to tell groups apart.
    """
    stated = users.day.isoformat()
    champion = registry.last_champion(spec.name)
    predecessor = _predecessor(registry, spec.name, champion, folder / "before")
    found, report = segments.fit(spec, users.frame, users.features, stated, predecessor)
    drawn = draw_segments(found, report, users.frame, users.features, folder / "plots")
    header = PlainHeader(spec.name, spec.feature_service, terms.contract_checksum, stated, stated)
    digest = segment_bundle.write(found, header, folder / "bundle")
    version = registry.register(
        NewVersion(
            name=spec.name,
            purpose=spec.description,
            card=segment_card(spec, report, found.ledger, Origin(stated, stated, terms.is_simulated)),
            model=found.pipeline,
            features=users.features,
            params={"segments": str(len(found.identities)), "initialisations": str(spec.initialisations)},
            metrics={**report.as_metadata(), **_by_size(report)},
            tags={
                **tags_of(stated, stated, spec.feature_service, terms),
                _IDS_GIVEN: str(report.continuity.ids_given),
            },
            bundle_folder=folder / "bundle",
            digest=digest,
            plots_folder=folder / "plots",
        )
    )
    is_followed = champion is not None and champion.tags["contract"] == terms.contract_checksum
    outcome = gate.judge_segments(report, terms.whole_sessions, is_followed)
    seat = Seat(registry, spec.name, segment_bundle.read)
    may_stay = is_followed and gate.judge_data(terms.whole_sessions).is_passed
    figures = {"figures": report.as_metadata()}
    outcome = seat.conclude(version, outcome, registry.champion(spec.name), may_stay, figures)
    return SegmentRelease(version, digest, report, outcome, drawn)


def _predecessor(registry: Registry, name: str, champion: ChampionVersion | None, folder: Path) -> Predecessor:
    """The segments that people know, and the ids given by whatever version since the first."""
    ids_given = max((int(tags.get(_IDS_GIVEN, 0)) for tags in registry.tags(name)), default=0)
    if champion is None:
        return Predecessor(None, ids_given)
    folder.mkdir()
    try:
        bundle = registry.download_bundle(name, champion.version, folder)
        return Predecessor(segment_bundle.read(bundle, champion.digest), ids_given)
    except (RegistryError, BundleError):
        # gone, damaged, of another format, or not trusted: all segments are new, and none takes an id that was given
        return Predecessor(None, ids_given)


def _by_size(report: SegmentReport) -> dict[str, float]:
    return {
        f"{figure}_of_{size.groups}": getattr(size, figure)
        for size in report.tried
        for figure in ("silhouette", "davies_bouldin", "stability")
    }
