"""A feature is named in its dbt contract and nowhere in Python."""

import ast
from pathlib import Path

import pytest

from feature_repo import contract
from feature_repo.contract import FeatureTable
from tactful.settings import Settings
from tests.conftest import PROJECT

PACKAGES = ("expectations", "feature_repo", "ml", "orchestration", "serving", "tactful")
# Words of GA4 and of clocks that are also names of features: a browser is one before it is a feature.
WORDS = {"browser", "continent", "country", "region", "channel", "acts"}


@pytest.fixture(scope="session")
def tables(manifest: Path) -> tuple[FeatureTable, ...]:
    return contract.load(manifest)


def test_no_feature_is_named_in_python(tables: tuple[FeatureTable, ...]) -> None:
    names = {column.name for table in tables for column in table.features} - WORDS
    named = {
        f"{file.relative_to(PROJECT)}: {node.value}"
        for package in PACKAGES
        for file in (PROJECT / package).rglob("*.py")
        for node in ast.walk(ast.parse(file.read_text()))
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and node.value in names
    }

    assert named == set()


def test_every_feature_says_who_reads_it(tables: tuple[FeatureTable, ...]) -> None:
    assert [column.name for table in tables for column in table.features if not column.models] == []


def test_no_model_reads_two_features_of_one_name(tables: tuple[FeatureTable, ...]) -> None:
    for model in contract.models_of(tables):
        names = [column.name for table in tables for column in table.features_of(model)]
        assert len(names) == len(set(names))


def test_case_study_000_s_frame_is_there(tables: tuple[FeatureTable, ...]) -> None:
    """17 binary activity features and 10 features of the session's profile."""
    activity, profile, *_ = tables
    occurred = [column for column in activity.features if column.rule and column.rule.aggregation == "occurred"]

    assert (len(occurred), len(profile.features)) == (17, 10)


def test_feast_and_models_read_the_same_features_in_one_order(tables: tuple[FeatureTable, ...], tmp_path: Path) -> None:
    from feast import FeatureService

    from feature_repo.store import build_objects
    from ml.datasets import features_of

    services = {
        thing.name: thing
        for thing in build_objects(tables, Settings(home=tmp_path))
        if isinstance(thing, FeatureService)
    }
    for model in contract.models_of(tables):
        projections = services[f"{model}_v1"].feature_view_projections
        served = [(view.name, feature.name) for view in projections for feature in view.features]
        assert served == [(feature.view, feature.name) for feature in features_of(tables, model)]
