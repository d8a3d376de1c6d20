"""Feast's online store as it really answers."""

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from feature_repo.stored_rows import StoredRows
from serving.features import FeastFeatures, FeaturesUnavailableError, UnknownFeaturesError

if TYPE_CHECKING:
    from feast import FeatureStore

VIEWS = {"user_features": {"spend_usd": "float64", "purchases": "int64"}}
AT = 1_772_000_000


def feast_at(folder: Path) -> FeastFeatures:
    def open_store() -> "FeatureStore":
        from feast import FeatureStore

        return FeatureStore(repo_path=str(folder))

    return FeastFeatures(open_store)


@pytest.fixture
def features(open_store: "Callable[[], FeatureStore]") -> FeastFeatures:
    return FeastFeatures(open_store)


def row(spend: float | None, purchases: int | None, feature_at: int) -> dict[str, StoredRows]:
    return {"user_features": StoredRows({"spend_usd": [spend], "purchases": [purchases]}, [feature_at])}


def test_a_known_visitor_comes_with_values_and_their_time(features: FeastFeatures) -> None:
    assert features.read(["known"], VIEWS) == row(31.5, 2, AT - 1)


def test_an_unknown_visitor_has_no_time(features: FeastFeatures) -> None:
    assert features.read(["nobody"], VIEWS) == row(None, None, 0)


def test_nan_and_null_both_come_as_null_with_a_time(features: FeastFeatures) -> None:
    assert features.read(["nulls"], VIEWS) == row(None, None, AT)


def test_many_visitors_come_in_the_order_asked_each_as_often_as_asked(features: FeastFeatures) -> None:
    (found,) = features.read(["nobody", "known", "nulls", "known"], VIEWS).values()
    assert found == StoredRows(
        {"spend_usd": [None, 31.5, None, 31.5], "purchases": [None, 2, None, 2]}, [0, AT - 1, AT, AT - 1]
    )


def test_a_model_without_user_features_asks_no_store(tmp_path: Path) -> None:
    assert feast_at(tmp_path / "nowhere").read(["known"], {}) == {}


@pytest.mark.parametrize("lost", ["registry.db", "online.db", "feature_store.yaml"])
def test_a_store_with_a_lost_file_is_unavailable_until_it_is_back(
    feast_repository: Path, tmp_path: Path, lost: str
) -> None:
    folder = shutil.copytree(feast_repository, tmp_path / "store")
    (folder / lost).unlink()
    features = feast_at(folder)
    with pytest.raises(FeaturesUnavailableError):
        features.read(["known"], VIEWS)
    shutil.copy(feast_repository / lost, folder / lost)
    assert features.read(["known"], VIEWS)["user_features"].columns["purchases"] == [2]


def test_a_corrupt_registry_is_unavailable(feast_repository: Path, tmp_path: Path) -> None:
    folder = shutil.copytree(feast_repository, tmp_path / "store")
    (folder / "registry.db").write_bytes(b"\xff\xff not protobuf")
    with pytest.raises(FeaturesUnavailableError, match="DecodeError"):
        feast_at(folder).read(["known"], VIEWS)


def test_a_feature_the_store_does_not_know_is_unavailable(features: FeastFeatures) -> None:
    with pytest.raises(UnknownFeaturesError):
        features.read(["known"], {"user_features": {"shoe_size": "int64"}})
    with pytest.raises(UnknownFeaturesError):
        features.read(["known"], {"shoes": {"size": "int64"}})


def test_l04_a_feature_of_another_type_than_was_learnt_from_is_named(features: FeastFeatures) -> None:
    asked = {"user_features": {**VIEWS["user_features"], "purchases": "string"}}
    for _ in range(2):
        with pytest.raises(UnknownFeaturesError, match=r"user_features:purchases is int64 .* learnt from string"):
            features.read(["known"], asked)
    assert features.read(["known"], VIEWS) == row(31.5, 2, AT - 1)
