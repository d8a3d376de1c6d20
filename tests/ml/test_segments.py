from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from feature_repo.contract import Column
from ml import segments
from ml.bundle import BundleError
from ml.segments import Header, Segments, TooFewUsers
from ml.specs import USER_SEGMENTS

COLUMNS = (
    Column("orders", "int64", "", True, theme="purchase"),
    Column("visits", "int64", "", True, theme="loyalty"),
    Column("pages", "int64", "", True, theme="engagement"),
    Column("never", "float64", "", True, theme="cart"),
    Column("device", "string", "", True),
)
SPEC = replace(USER_SEGMENTS, sizes=(2, 3, 4), initialisations=2)
HEADER = Header("user_segments", "user_segments_v1", "c0ffee", "2026-01-01", "2026-01-20")


def users(rows: int = 300) -> pd.DataFrame:
    """Buyers who return, readers who do not, and passers-by; nobody ever used what `never` counts."""
    rng = np.random.default_rng(1)
    kind = np.arange(rows) % 3
    return pd.DataFrame(
        {
            "orders": np.where(kind == 0, rng.poisson(6, rows) + 1, 0),
            "visits": np.where(kind == 0, rng.poisson(9, rows) + 3, 1),
            "pages": np.where(kind == 2, 1, rng.poisson(20, rows) + 5),
            "never": np.nan,
            "device": rng.choice(["mobile", "desktop"], rows),
        }
    )


@pytest.fixture(scope="module")
def found() -> Segments:
    return segments.fit(SPEC, users(), COLUMNS)[0]


def test_the_kinds_of_users_that_there_are_get_found_and_named() -> None:
    frame = users()
    found, report = segments.fit(SPEC, frame, COLUMNS[:4])
    assigned = found.assign(frame)
    assert len(report.segments) == 3
    assert all(len(set(assigned[kind::3])) == 1 for kind in range(3))
    assert assigned[0] == "Loyal buyers"
    assert assigned[2] == "Passers-by"
    assert sum(segment.users for segment in report.segments) == len(frame)
    assert report.separation.silhouette.low > 0.5


def test_the_same_users_get_the_same_segments(found: Segments) -> None:
    again, _ = segments.fit(SPEC, users(), COLUMNS)
    np.testing.assert_array_equal(again.assign(users()), found.assign(users()))


def test_more_segments_are_never_found_than_users_differ() -> None:
    frame = users().iloc[[0, 1, 2] * 5]
    _, report = segments.fit(replace(SPEC, sizes=(8,)), frame, COLUMNS)
    assert len(report.segments) == 2


def test_users_who_are_all_alike_are_refused() -> None:
    with pytest.raises(TooFewUsers, match="1 users that differ"):
        segments.fit(SPEC, users().iloc[[0] * 20], COLUMNS)


def test_too_few_users_are_refused_with_their_count() -> None:
    with pytest.raises(TooFewUsers, match="has 9 users; at least 10"):
        segments.fit(SPEC, users(9), COLUMNS)


def test_nulls_and_unseen_levels_are_assigned_too(found: Segments) -> None:
    unknown = pd.DataFrame({column.name: [None] for column in COLUMNS}).assign(device="fridge")
    assert found.assign(unknown)[0] in found.names


def test_stored_segments_assign_as_they_did(found: Segments, tmp_path: Path) -> None:
    digest = segments.write(found, HEADER, tmp_path)
    np.testing.assert_array_equal(segments.read(tmp_path, digest).assign(users()), found.assign(users()))


@pytest.mark.parametrize("file", ["bundle.json", "model.skops"])
def test_an_altered_file_is_refused(file: str, found: Segments, tmp_path: Path) -> None:
    digest = segments.write(found, HEADER, tmp_path)
    content = (tmp_path / file).read_bytes()
    (tmp_path / file).write_bytes(content[:-1] + bytes([content[-1] ^ 1]))
    with pytest.raises(BundleError, match=file):
        segments.read(tmp_path, digest)
