from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from feast import FeatureStore
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from feature_repo.offline import MOMENT, offline_folder, training_frame
from tests.feature_repo.conftest import TABLE

HOUR = pd.Timedelta(hours=1)
START = pd.Timestamp("2026-01-01")


def _row(user: str, feature_at: int, known_at: int, visits: int) -> dict[str, Any]:
    at = START + feature_at * HOUR
    return {
        "user_pseudo_id": user,
        "day": at.normalize(),
        "feature_at": at,
        "known_at": START + known_at * HOUR,
        "visits": visits,
        "spent": 1.0,
        "city": "Łódź",
        "is_new": False,
    }


def _store_rows(home: Path, rows: list[dict[str, Any]]) -> None:
    folder = offline_folder(home, TABLE)
    for file in folder.glob("*.parquet"):
        file.unlink()
    pd.DataFrame(rows).to_parquet(folder / "rows.parquet", index=False)


def _expected(rows: list[dict[str, Any]], moment: pd.Timestamp) -> int | None:
    """By brute force: the newest row that described the user by then, was known by then, and is not too old."""
    known = [row for row in rows if row["known_at"] <= moment]
    fit = [row for row in known if row["feature_at"] <= moment <= row["feature_at"] + TABLE.ttl]
    return max(fit, key=lambda row: (row["feature_at"], row["known_at"]))["visits"] if fit else None


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    rows=st.lists(
        st.tuples(st.integers(0, 100), st.integers(0, 60)), min_size=1, max_size=8, unique_by=lambda row: row[0]
    ),
    moments=st.lists(st.integers(0, 220), min_size=1, max_size=6, unique=True),
)
def test_a_label_gets_what_was_known_at_its_moment(
    store: FeatureStore, home: Path, rows: list[tuple[int, int]], moments: list[int]
) -> None:
    """Both clocks are honoured: drop either from the join, and this fails."""
    stored = [_row("u", at, at + delay, visits) for visits, (at, delay) in enumerate(rows)]
    _store_rows(home, stored)
    labels = pd.DataFrame({"user_pseudo_id": "u", MOMENT: [START + hours * HOUR for hours in moments]})

    frame = training_frame(store, "m_v1", labels).sort_values(MOMENT)

    found = [None if pd.isna(visits) else int(visits) for visits in frame["visits"]]
    assert found == [_expected(stored, START + hours * HOUR) for hours in sorted(moments)]


def test_no_labels_give_no_rows_with_the_columns_of_any(store: FeatureStore, home: Path) -> None:
    _store_rows(home, [_row("u", 1, 1, 5)])
    labels = pd.DataFrame({"user_pseudo_id": ["u"], MOMENT: [START + 2 * HOUR]})

    none = training_frame(store, "m_v1", labels[:0])

    assert none.empty
    assert set(none.columns) == set(training_frame(store, "m_v1", labels).columns)
    assert none[MOMENT].dtype == labels[MOMENT].dtype


def test_a_label_without_features_is_kept_with_nulls(store: FeatureStore, home: Path) -> None:
    _store_rows(home, [_row("u", 1, 1, 5)])
    labels = pd.DataFrame({"user_pseudo_id": ["u", "nobody"], MOMENT: [START + 2 * HOUR] * 2})

    frame = training_frame(store, "m_v1", labels).set_index("user_pseudo_id")

    assert frame.loc["u", "visits"] == 5
    assert pd.isna(frame.loc["nobody", "visits"])


def test_a_service_that_was_never_applied_is_named(store: FeatureStore) -> None:
    with pytest.raises(LookupError, match="'other_v1' is not applied"):
        training_frame(store, "other_v1", pd.DataFrame())
