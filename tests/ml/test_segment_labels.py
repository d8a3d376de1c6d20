from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pandas as pd
import pytest

from feature_repo.contract import FeatureTable, checksum
from ml.registry import Registry
from ml.segment_labels import label_users
from ml.segment_release import Users, release_segments
from ml.terms import Terms
from tests.ml.segment_users import COLUMNS, SPEC, users

# MLflow warns of a type hint of its own when it is imported
pytestmark = pytest.mark.filterwarnings("ignore:.*Any type hint is inferred")

FEATURES = COLUMNS[:4]
NAME = "labelled_segments"
CLUSTERED = date(2026, 1, 20)
TABLE = FeatureTable(
    name="fct_user_features",
    view="user_features",
    description="",
    entity="user",
    join_key="user_pseudo_id",
    key=("user_pseudo_id", "feature_date"),
    day="feature_date",
    ttl=timedelta(days=3),
    is_online=True,
    columns=FEATURES,
)
TERMS = Terms(checksum((TABLE,)), "popup_submit", 0.4, is_simulated=True, whole_sessions=1.0)


def _rows(day: date, known_at: datetime) -> pd.DataFrame:
    """Rows of the feature table, as DuckDB gives them."""
    end = pd.Timestamp(day) + pd.Timedelta(days=1)
    frame = users(60)
    return frame.assign(
        user_pseudo_id=[f"{number}.1" for number in range(len(frame))],
        feature_date=pd.Timestamp(day),
        feature_at=end,
        known_at=pd.Timestamp(known_at.replace(tzinfo=None)),
    )


@pytest.fixture(scope="module")
def registry(mlflow_registry: Registry, tmp_path_factory: pytest.TempPathFactory) -> Registry:
    """A registry whose champion was fitted on the users of CLUSTERED."""
    clustered = Users(users(60), FEATURES, CLUSTERED)
    spec = replace(SPEC, name=NAME, sizes=(3,))
    assert release_segments(spec, clustered, mlflow_registry, TERMS, tmp_path_factory.mktemp("files")).gate.is_passed
    return mlflow_registry


def _names(labels: pd.DataFrame) -> Mapping[str, str]:
    return dict(zip(labels["id"], labels["name"], strict=True))


def test_each_user_gets_the_segment_the_champion_gives(registry: Registry) -> None:
    rows = _rows(CLUSTERED, datetime(2026, 1, 21, 6))
    labels = label_users(registry, NAME, TABLE, rows)

    assert list(labels.columns) == ["user_pseudo_id", "feature_date", "feature_at", "known_at", "id", "name", "version"]
    assert list(labels["user_pseudo_id"]) == list(rows["user_pseudo_id"])
    assert set(labels["feature_date"]) == {CLUSTERED}
    assert set(labels["version"]) == {"1"}
    assert _names(labels)[labels["id"][0]] == "Loyal buyers"
    assert labels["id"][0::3].nunique() == labels["id"][2::3].nunique() == 1


def test_a_label_is_not_known_before_the_clustering_that_made_it(registry: Registry) -> None:
    registered = pd.Timestamp(registry.registered_at(NAME, "1")).tz_localize(None)
    earlier, later = (
        label_users(registry, NAME, TABLE, _rows(CLUSTERED, known_at))
        for known_at in (datetime(2026, 1, 21, 6), datetime(2126, 1, 21, 6))
    )

    assert set(earlier["known_at"]) == {registered}
    assert set(later["known_at"]) == {pd.Timestamp("2126-01-21 06:00")}
    assert (earlier["known_at"] >= earlier["feature_at"]).all()


def test_users_of_a_day_before_the_clustering_get_no_label(registry: Registry) -> None:
    rows = _rows(CLUSTERED - timedelta(days=1), datetime.now(UTC))
    assert label_users(registry, NAME, TABLE, rows).empty


def test_a_champion_that_reads_a_feature_that_is_gone_labels_nobody(registry: Registry) -> None:
    rows = _rows(CLUSTERED, datetime.now(UTC)).drop(columns="orders")
    assert label_users(registry, NAME, replace(TABLE, columns=FEATURES[1:]), rows).empty


def test_a_champion_to_which_a_feature_meant_something_else_labels_nobody(registry: Registry) -> None:
    in_dollars = replace(FEATURES[0], description="In dollars.")
    rows = _rows(CLUSTERED, datetime.now(UTC))
    assert label_users(registry, NAME, replace(TABLE, columns=(in_dollars, *FEATURES[1:])), rows).empty


def test_without_a_champion_nobody_gets_a_label(registry: Registry) -> None:
    assert label_users(registry, "no_model", TABLE, _rows(CLUSTERED, datetime.now(UTC))).empty
    assert label_users(registry, NAME, TABLE, _rows(CLUSTERED, datetime.now(UTC)).head(0)).empty


def test_labelling_leaves_the_rows_as_they_were(registry: Registry) -> None:
    rows = _rows(CLUSTERED, datetime(2026, 1, 21, 6))
    before = rows.copy(deep=True)
    label_users(registry, NAME, TABLE, rows)
    pd.testing.assert_frame_equal(rows, before)
