"""Users scored in a home of the main job, by champions that learnt from its few rows."""

import shutil
from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta
from io import StringIO
from pathlib import Path

import duckdb
import numpy as np
import pandas as pd
import pytest
from feast import FeatureStore
from rich.console import Console

from feature_repo import contract, offline
from feature_repo.contract import KNOWN_AT, FeatureTable
from feature_repo.offline import History
from feature_repo.store import build_objects, open_store
from ml import stages, training
from ml.bundle import Bundle
from ml.datasets import features_of
from ml.registry import Registry
from ml.specs import BUYER_STAGE, CHURN, PURCHASE_PROPENSITY, StageSpec
from ml.stage_bundle import StageBundle
from ml.user_scores import Scorer, open_scorer
from tactful import home, settings
from tactful.jobs import run_job
from tactful.plan import Plan
from tactful.settings import Settings
from tactful.source import source_of
from tests.conftest import Ran
from tests.ml.champions import crown
from tests.ml.conftest import first_settings, only

# MLflow warns of a type hint of its own when it is imported
pytestmark = pytest.mark.filterwarnings("ignore:.*Any type hint is inferred")

PURCHASE = replace(only(PURCHASE_PROPENSITY, PURCHASE_PROPENSITY.candidates[1]), min_positives=1, folds=2)
STAGE = replace(BUYER_STAGE, candidate=first_settings(BUYER_STAGE.candidate), min_rows=1)


@pytest.fixture(scope="module")
def tables(manifest: Path) -> tuple[FeatureTable, ...]:
    return contract.load(manifest)


@pytest.fixture(scope="module")
def lived_in(ran: Ran, tables: tuple[FeatureTable, ...], tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """A copy of the run's home where users were scored: two champions can be asked, that of churn can't."""
    folder = tmp_path_factory.mktemp("scored") / "home"
    shutil.copytree(ran.home, folder, ignore=shutil.ignore_patterns("mlflow"))
    copied = Settings(_env_file=folder / settings.REMEMBERED, home=folder)
    home.prepare(copied)
    for spec in (PURCHASE, STAGE):
        frame = pd.read_parquet(folder / "training_sets" / f"{spec.name}.parquet")
        features = features_of(tables, spec.name)
        fitted = (
            stages.fit(spec, spec.definitions[0], frame, features)
            if isinstance(spec, StageSpec)
            else training.fit(spec, frame, features)
        )
        files = tmp_path_factory.mktemp("files")
        crown(Registry.of(copied), spec.name, fitted, frame, contract=contract.checksum(tables), folder=files)
    # whatever it learnt, it is not asked
    files = tmp_path_factory.mktemp("files")
    crown(Registry.of(copied), CHURN.name, fitted, frame, contract="another", folder=files)
    source = source_of(copied)
    run_job(copied, "rescore", Plan(source.first, source.last, ""), Console(file=StringIO()))
    return copied


@pytest.fixture(scope="module")
def scorers(lived_in: Settings, tables: tuple[FeatureTable, ...]) -> Mapping[str, Scorer]:
    opened = (open_scorer(Registry.of(lived_in), spec, contract.checksum(tables)) for spec in (PURCHASE, STAGE))
    return {scorer.spec.name: scorer for scorer in opened if scorer}


@pytest.fixture(scope="module")
def scores(lived_in: Settings) -> pd.DataFrame:
    return _query(lived_in, "from fct_user_scores order by feature_date, user_pseudo_id")


@pytest.fixture(scope="module")
def store(lived_in: Settings, tables: tuple[FeatureTable, ...]) -> FeatureStore:
    """The copy's store; what was applied names files of the home that was copied."""
    opened = open_store(lived_in)
    opened.apply(build_objects(tables, lived_in))
    return opened


def _query(lived_in: Settings, sql: str) -> pd.DataFrame:
    with duckdb.connect(str(lived_in.home / "warehouse.duckdb"), read_only=True) as connection:
        connection.execute("use tactful")
        rows: pd.DataFrame = connection.execute(sql).df()
    return rows


def test_each_user_who_was_there_on_a_day_whose_scores_count_has_one_row_by_the_champions(
    lived_in: Settings, tables: tuple[FeatureTable, ...], scores: pd.DataFrame, scorers: Mapping[str, Scorer]
) -> None:
    (table,) = (table for table in tables if table.features_of(PURCHASE.name))
    (scored,) = (table for table in tables if table.view == "user_scores")
    since = source_of(lived_in).last - scored.ttl
    there = _query(
        lived_in,
        "select user_pseudo_id, feature_date, feature_at, known_at as features_known_at "
        f"from {table.name} where {table.was_there} and feature_date > '{since}' order by feature_date, user_pseudo_id",
    )

    keys = ["user_pseudo_id", "feature_date", "feature_at"]
    pd.testing.assert_frame_equal(scores[keys], there[keys])
    assert scores["feature_date"].nunique() == scored.ttl.days
    for name, scorer in scorers.items():
        version = "purchase_version" if name == PURCHASE.name else "stage_version"
        assert set(scores[version]) == {scorer.version}
    # the shop's days are over, and its champions were registered just now
    assert (scores["known_at"] > there["features_known_at"]).all()


def test_a_champion_that_can_t_be_asked_is_warned_of_and_keeps_nobody_from_the_scores_of_others(
    lived_in: Settings, scores: pd.DataFrame
) -> None:
    told = "Nobody is scored by churn: its champion, version 1, learnt from another contract of the features."

    assert told in (lived_in.home / "logs" / "run.log").read_text()
    assert scores[["churn_probability_30d", "churn_version"]].isna().all(axis=None)
    assert scores[["purchase_probability_7d", "stage_name"]].notna().all(axis=None)


def test_scores_are_the_bundles_own_on_features_as_training_joins_them(
    lived_in: Settings, scores: pd.DataFrame, scorers: Mapping[str, Scorer], store: FeatureStore
) -> None:
    newest = scores[scores["feature_date"] == scores["feature_date"].max()].set_index("user_pseudo_id")
    delivered = newest["feature_at"].max() + timedelta(hours=lived_in.export_delay_hours)
    moments = pd.DataFrame({"user_pseudo_id": newest.index, offline.MOMENT: delivered})
    to_buy, to_name = (offline.training_frame(store, spec.feature_service, moments) for spec in (PURCHASE, STAGE))
    buying, naming = (scorers[spec.name].bundle for spec in (PURCHASE, STAGE))
    assert isinstance(buying, Bundle)
    assert isinstance(naming, StageBundle)

    probabilities = pd.Series(buying.score(to_buy), to_buy["user_pseudo_id"])
    assert newest["purchase_probability_7d"].to_dict() == pytest.approx(probabilities.to_dict())
    assert probabilities.nunique() > 10
    spoken = pd.DataFrame(naming.namer.score(to_name), to_name["user_pseudo_id"], naming.namer.stages)
    assert newest["stage_name"].to_dict() == spoken.idxmax(axis=1).to_dict()
    assert newest["stage_score"].to_dict() == pytest.approx(spoken.max(axis=1).to_dict())
    assert newest["stage_name"].nunique() > 1


def test_scores_are_published_offline_and_the_newest_of_each_user_online(
    lived_in: Settings, tables: tuple[FeatureTable, ...], scores: pd.DataFrame, store: FeatureStore
) -> None:
    (table,) = (table for table in tables if table.view == "user_scores")
    source = source_of(lived_in)
    published = History.of(lived_in.home, table).read(source.first, source.last)
    published = published.sort_values([table.day, table.join_key], ignore_index=True)
    pd.testing.assert_frame_equal(published.drop(columns=KNOWN_AT), scores.drop(columns=KNOWN_AT))
    # the days had been published without scores
    assert (published[KNOWN_AT] > scores[KNOWN_AT]).all()

    newest = scores.drop_duplicates(table.join_key, keep="last")
    # those last there on the newest day, and those last there before it
    asked = newest.groupby(table.day).head(20).set_index(table.join_key)
    assert asked[table.day].nunique() > 1
    service = store.get_feature_service("audiences_v1")
    served = store.get_online_features(service, [{table.join_key: user} for user in asked.index]).to_df()
    names = [column.name for column in table.features]
    of_users = served.set_index(table.join_key)[names].loc[asked.index]
    assert of_users.astype(object).replace({None: np.nan}).equals(asked[names].astype(object).replace({None: np.nan}))
