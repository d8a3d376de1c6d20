"""Releases of stages are registered with their figures, or refused in one sentence."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from ml import stage_bundle, stages
from ml.bundle import BundleFeature
from ml.datasets import DatasetError, TrainingSet
from ml.ledger import Ledger
from ml.registry import Registry
from ml.stage_release import StageRelease, release_stages
from ml.terms import Terms
from tactful.settings import Settings
from tests.ml.checked_models import EASY, RIGHT, SMALL_STAGE, build_stage_shop
from tests.ml.conftest import FEATURES

NOWHERE = Registry("", "", Ledger(""))
TERMS = Terms("c0ffee", "popup_submit", 0.5, is_simulated=True, whole_sessions=1.0)


def _release(registry: Registry, folder: Path) -> StageRelease:
    table = build_stage_shop(rows=2_000)
    # a feature that tells all of the easy definition would be refused
    rng = np.random.default_rng(4)
    table[EASY] = np.where(rng.random(len(table)) < 0.5, rng.permutation(table[RIGHT]), table[EASY])
    spec = replace(SMALL_STAGE, horizon=pd.Timedelta(hours=4).to_pytimedelta())
    return release_stages(spec, TrainingSet(table, FEATURES, RIGHT), registry, TERMS, folder)


@pytest.fixture(scope="module")
def released(tmp_path_factory: pytest.TempPathFactory) -> tuple[StageRelease, Registry]:
    registry = Registry.of(Settings(home=tmp_path_factory.mktemp("home")))
    return _release(registry, tmp_path_factory.mktemp("release")), registry


@pytest.mark.filterwarnings("ignore:.*Any type hint is inferred")
def test_a_release_is_registered_with_its_figures_and_becomes_champion(
    released: tuple[StageRelease, Registry], tmp_path: Path
) -> None:
    release, registry = released
    champion = registry.champion(SMALL_STAGE.name)

    assert release.gate.is_passed
    assert champion is not None
    assert (champion.version, champion.digest) == (release.version, release.digest)
    loaded = stage_bundle.read(registry.download_bundle(SMALL_STAGE.name, champion.version, tmp_path), champion.digest)
    assert loaded.definition == RIGHT
    told = release.evidence.as_metadata()
    assert {"macro_recall_low", "rows_dreamer", "train_test_gap", "survey_answers", f"{EASY}_label_kappa_high"} <= set(
        told
    )
    # Dagster stores no number of numpy's
    assert {type(figure) for figure in told.values()} == {int, float}


@pytest.mark.filterwarnings("ignore:.*Any type hint is inferred")
def test_the_same_stages_again_leave_the_first_champion(
    released: tuple[StageRelease, Registry], tmp_path: Path
) -> None:
    first, registry = released

    again = _release(registry, tmp_path)

    assert again.digest == first.digest
    assert again.gate.reason == f"It says what the champion says, bit for bit. Version {first.version} stays champion."
    champion = registry.champion(SMALL_STAGE.name)
    assert champion is not None
    assert champion.version == first.version


def test_a_feature_that_knows_a_definition_is_refused(tmp_path: Path) -> None:
    table = build_stage_shop(rows=2_000)
    table["tells"] = pd.factorize(table[EASY])[0].astype(float)
    leak = BundleFeature("tells", "shop", "user", "float64", 1.0, None)
    spec = replace(SMALL_STAGE, horizon=pd.Timedelta(hours=4).to_pytimedelta())

    with pytest.raises(DatasetError, match=r"by one feature alone: .*tells \(1\.000\)"):
        release_stages(spec, TrainingSet(table, (*FEATURES, leak), RIGHT), NOWHERE, TERMS, tmp_path)


@pytest.mark.parametrize(
    ("days", "refusal", "told"),
    [
        (0, DatasetError, r"Rows cover 0 day\(s\); at least 2"),
        (1, DatasetError, r"Rows cover 1 day\(s\); at least 2"),
        # all that an export of two weeks holds of days whose week after is over
        (7, DatasetError, "buyer_stage has no row to learn from: its labels look 7 days ahead"),
        (12, stages.TooFewOfStage, "at least 50 of each"),
    ],
)
def test_days_too_few_to_learn_from_are_refused_in_one_sentence(
    days: int, refusal: type[ValueError], told: str, tmp_path: Path
) -> None:
    table = build_stage_shop()
    table = table[table["event_timestamp"] < pd.Timestamp("2026-01-01") + pd.Timedelta(days=days)]

    with pytest.raises(refusal, match=told):
        release_stages(SMALL_STAGE, TrainingSet(table, FEATURES, RIGHT), NOWHERE, TERMS, tmp_path)
