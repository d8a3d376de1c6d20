from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from feature_repo.contract import Column
from ml import segments
from ml.segments import Predecessor, SegmentReport, Segments, TooFewUsers
from tests.ml.segment_users import COLUMNS, DAY, SPEC, users


@pytest.fixture(scope="module")
def found() -> Segments:
    return segments.fit(SPEC, users(), COLUMNS, DAY)[0]


def _fit(frame: pd.DataFrame, columns: Sequence[Column] = COLUMNS) -> tuple[Segments, SegmentReport]:
    return segments.fit(SPEC, frame, columns, DAY)


def test_the_kinds_of_users_that_there_are_get_found_and_named() -> None:
    frame = users()
    found, report = _fit(frame, COLUMNS[:4])
    assigned = found.assign(frame)
    assert len(report.segments) == report.size.groups == 3
    assert all(len(set(assigned[kind::3])) == 1 for kind in range(3))
    assert assigned[0].name == "Loyal buyers"
    assert assigned[2].name == "Passers-by"
    assert {identity.id for identity in assigned} == {"S1", "S2", "S3"}
    assert sum(segment.users for segment in report.segments) == len(frame)
    assert report.separation.silhouette.low > 0.5


def test_m11_more_segments_are_never_found_than_users_differ() -> None:
    frame = users().iloc[[0, 1, 2] * 5]
    _, report = segments.fit(replace(SPEC, sizes=(8,)), frame, COLUMNS, DAY)
    assert len(report.segments) == 2


def test_m11_fewer_users_than_asked_for_are_refused() -> None:
    with pytest.raises(TooFewUsers, match=f"has 2 users; at least {SPEC.min_users} are needed"):
        _fit(users().head(2))


def test_m11_users_who_are_all_alike_are_refused() -> None:
    with pytest.raises(TooFewUsers, match="1 users that differ"):
        _fit(users().iloc[[0] * 20])


def test_the_best_of_all_initialisations_is_kept_and_their_spread_is_told() -> None:
    _, once = segments.fit(replace(SPEC, initialisations=1), users(), COLUMNS, DAY)
    _, often = segments.fit(replace(SPEC, initialisations=12), users(), COLUMNS, DAY)
    assert once.inertia.best == once.inertia.mean == once.inertia.worst
    assert once.inertia.near_best == 1
    assert often.inertia.best <= once.inertia.best <= often.inertia.worst
    assert often.inertia.best <= often.inertia.mean <= often.inertia.worst


def test_every_figure_is_a_finite_number() -> None:
    _, report = _fit(users())
    figures = report.as_metadata()
    assert "users_kept" not in figures
    assert np.isfinite(list(figures.values())).all()
    assert {"stability", "inertia_best", "dbscan_groups"} <= set(figures)


def test_m11_segments_found_again_keep_their_ids_and_names(found: Segments) -> None:
    again, report = segments.fit(replace(SPEC, seed=11), users(330), COLUMNS, "2026-01-27", Predecessor(found, 4))
    assert again.assign(users()) == found.assign(users())
    assert report.continuity.kept == 1
    assert report.continuity.ids_given == 4
    assert again.ledger == found.ledger


def test_a_feature_that_is_gone_counts_as_missing_to_the_segments_before(found: Segments) -> None:
    kept = [column for column in COLUMNS if column.name != "never"]
    again, _ = segments.fit(SPEC, users().drop(columns="never"), kept, "2026-01-27", Predecessor(found, 4))
    assert again.assign(users()) == found.assign(users())


def test_segments_that_were_found_by_places_are_followed() -> None:
    places = (Column("town", "string", "", True, place="city"), Column("land", "string", "", True, place="country"))
    frame, columns = users().assign(town=["Berlin", "Hamburg", "Munich"] * 100, land="Germany"), (*COLUMNS, *places)
    found, _ = _fit(frame, columns)
    again, report = segments.fit(SPEC, frame, columns, "2026-01-27", Predecessor(found, 4))
    assert set(found.encoding.recoded) == {"town", "land"}
    assert again.identities == found.identities
    assert report.continuity.kept == 1
