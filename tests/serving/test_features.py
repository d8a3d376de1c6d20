"""Feast's online store as it really answers."""

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from serving.features import FeastFeatures, FeaturesUnavailableError, StoredRow

if TYPE_CHECKING:
    from feast import FeatureStore

VIEWS = {"user_features": ["spend_usd", "purchases"]}
AT = 1_772_000_000


def feast_at(folder: Path) -> FeastFeatures:
    def open_store() -> "FeatureStore":
        from feast import FeatureStore

        return FeatureStore(repo_path=str(folder))

    return FeastFeatures(open_store)


@pytest.fixture
def features(open_store: "Callable[[], FeatureStore]") -> FeastFeatures:
    return FeastFeatures(open_store)


def test_a_known_visitor_comes_with_values_and_their_time(features: FeastFeatures) -> None:
    assert features.read("known", VIEWS) == {"user_features": StoredRow({"spend_usd": 31.5, "purchases": 2}, AT - 1)}


def test_an_unknown_visitor_has_no_time(features: FeastFeatures) -> None:
    assert features.read("nobody", VIEWS) == {"user_features": StoredRow({"spend_usd": None, "purchases": None}, 0)}


def test_nan_and_null_both_come_as_null_with_a_time(features: FeastFeatures) -> None:
    assert features.read("nulls", VIEWS) == {"user_features": StoredRow({"spend_usd": None, "purchases": None}, AT)}


def test_a_model_without_user_features_asks_no_store(tmp_path: Path) -> None:
    assert feast_at(tmp_path / "nowhere").read("known", {}) == {}


@pytest.mark.parametrize("lost", ["registry.db", "online.db", "feature_store.yaml"])
def test_a_store_with_a_lost_file_is_unavailable_until_it_is_back(
    feast_repository: Path, tmp_path: Path, lost: str
) -> None:
    folder = shutil.copytree(feast_repository, tmp_path / "store")
    (folder / lost).unlink()
    features = feast_at(folder)
    with pytest.raises(FeaturesUnavailableError):
        features.read("known", VIEWS)
    shutil.copy(feast_repository / lost, folder / lost)
    assert features.read("known", VIEWS)["user_features"].values["purchases"] == 2


def test_a_corrupt_registry_is_unavailable(feast_repository: Path, tmp_path: Path) -> None:
    folder = shutil.copytree(feast_repository, tmp_path / "store")
    (folder / "registry.db").write_bytes(b"\xff\xff not protobuf")
    with pytest.raises(FeaturesUnavailableError, match="DecodeError"):
        feast_at(folder).read("known", VIEWS)


def test_a_feature_the_store_does_not_know_is_unavailable(features: FeastFeatures) -> None:
    with pytest.raises(FeaturesUnavailableError):
        features.read("known", {"user_features": ["shoe_size"]})
    with pytest.raises(FeaturesUnavailableError):
        features.read("known", {"shoes": ["size"]})
