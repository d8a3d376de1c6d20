"""What champions say of users, asked of a registry that holds small real bundles."""

from dataclasses import replace
from datetime import date, datetime, timedelta
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from feature_repo.contract import Column, FeatureTable
from ml.registry import Registry
from ml.specs import PURCHASE_PROPENSITY, ModelSpec, StageSpec
from ml.user_scores import Scorer, ScorerError, open_scorer
from tests.ml.champions import crown
from tests.ml.checked_models import SMALL_STAGE, fit_stages_to_shop
from tests.ml.conftest import FEATURES, TYPES, build_shop, fit_to_shop

# MLflow warns of a type hint of its own when it is imported
pytestmark = pytest.mark.filterwarnings("ignore:.*Any type hint is inferred")

DAY = date(2026, 2, 1)
CONTRACT = "c0ffee"
PURCHASE = replace(PURCHASE_PROPENSITY, name="scoring_purchases")
STAGE = replace(SMALL_STAGE, name="scoring_stages")
TABLE = FeatureTable(
    name="fct_visitors",
    view="visitors",
    description="",
    entity="user",
    join_key="user_pseudo_id",
    key=("user_pseudo_id", "feature_date"),
    day="feature_date",
    ttl=timedelta(days=3),
    is_online=True,
    columns=tuple(Column(feature.name, "float64", "", True, models=()) for feature in FEATURES),
)


def _users(known_at: datetime = datetime(2026, 2, 2, 6)) -> pd.DataFrame:
    """Users of the shop as they were at the end of DAY, as DuckDB gives them; the last two have nulls."""
    shop = build_shop("unused", rows=40, seed=2)[list(TYPES)]
    shop.loc[38:, ["minutes", "is_new", "device"]] = None
    return shop.assign(
        user_pseudo_id=[f"{number}.1" for number in range(len(shop))],
        feature_date=pd.Timestamp(DAY),
        feature_at=pd.Timestamp(DAY) + pd.Timedelta(days=1),
        known_at=pd.Timestamp(known_at),
    )


def _crown(registry: Registry, spec: ModelSpec | StageSpec, folder: Path) -> None:
    fitted = fit_stages_to_shop() if isinstance(spec, StageSpec) else fit_to_shop("xgboost")
    crown(registry, spec.name, fitted, build_shop("converts"), contract=CONTRACT, folder=folder)


@pytest.fixture(scope="module")
def registry(mlflow_registry: Registry, tmp_path_factory: pytest.TempPathFactory) -> Registry:
    for spec in (PURCHASE, STAGE):
        _crown(mlflow_registry, spec, tmp_path_factory.mktemp("release"))
    return mlflow_registry


def _opened(registry: Registry, spec: ModelSpec | StageSpec) -> Scorer:
    scorer = open_scorer(registry, spec, CONTRACT)
    assert scorer is not None
    return scorer


def test_each_user_gets_the_probability_that_the_champion_gives(registry: Registry) -> None:
    users = _users()
    scores = _opened(registry, PURCHASE).score(TABLE, users)

    assert list(scores.columns) == [
        *("user_pseudo_id", "feature_date", "feature_at", "known_at", "model", "answer", "score", "version")
    ]
    assert list(scores["user_pseudo_id"]) == list(users["user_pseudo_id"])
    assert set(scores["feature_date"]) == {DAY}
    assert set(zip(scores["model"], scores["answer"], scores["version"], strict=True)) == {
        ("scoring_purchases", "will_purchase_7d", "1")
    }
    assert scores["score"].to_numpy() == pytest.approx(fit_to_shop("xgboost").score(users))
    assert scores["score"].between(0, 1).all()
    assert scores["score"].nunique() > 3


def test_each_user_gets_the_stage_that_most_speaks_for_and_how_much(registry: Registry) -> None:
    users = _users()
    scores = _opened(registry, STAGE).score(TABLE, users)
    namer = fit_stages_to_shop().namer
    spoken = namer.score(users)

    assert list(scores["answer"]) == [namer.stages[place] for place in spoken.argmax(axis=1)]
    assert scores["score"].to_numpy() == pytest.approx(spoken.max(axis=1))
    assert scores["score"].dtype == np.float64
    assert scores["answer"].nunique() > 1


def test_a_score_is_not_known_before_the_version_that_gave_it(registry: Registry) -> None:
    scorer = _opened(registry, PURCHASE)
    registered = pd.Timestamp(scorer.registered_at).tz_localize(None)
    late = datetime(2126, 2, 2, 6)

    assert set(scorer.score(TABLE, _users())["known_at"]) == {registered}
    assert set(scorer.score(TABLE, _users(late))["known_at"]) == {pd.Timestamp(late)}


def test_scoring_leaves_the_rows_as_they_were(registry: Registry) -> None:
    for spec in (PURCHASE, STAGE):
        users = _users()
        _opened(registry, spec).score(TABLE, users)
        pd.testing.assert_frame_equal(users, _users())


def test_without_a_champion_there_is_nobody_to_ask(registry: Registry) -> None:
    assert open_scorer(registry, replace(PURCHASE, name="no_model"), CONTRACT) is None


def test_a_champion_of_another_contract_is_not_asked_and_it_is_told_what_to_do(registry: Registry) -> None:
    told = r"by scoring_stages: its champion, version 1, learnt from another contract.*job retrain"
    with pytest.raises(ScorerError, match=told):
        open_scorer(registry, STAGE, "decade")


@pytest.mark.parametrize("spec", [PURCHASE, STAGE], ids=["probability", "stage"])
def test_a_champion_whose_bundle_is_damaged_is_not_asked_and_it_is_told_what_to_do(
    spec: ModelSpec | StageSpec, registry: Registry, tmp_path: Path
) -> None:
    damaged = replace(spec, name=f"damaged_{spec.name}")
    _crown(registry, damaged, tmp_path)
    champion = registry.champion(damaged.name)
    assert champion is not None
    run = Path(registry.artifact_location.removeprefix("file://")) / champion.run_id
    (model,) = run.rglob("bundle/model.json")
    model.write_text(model.read_text()[:-1])

    with pytest.raises(ScorerError, match=r"version 1, can't be used\. Bundle file .* has SHA-256 .*models rollback"):
        open_scorer(registry, damaged, CONTRACT)
