from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from feature_repo.contract import Column
from ml import training
from ml.bundle import BundleFeature
from ml.pruning import Ablation, prune
from ml.specs import PURCHASE_PROPENSITY, ModelSpec
from ml.training import Fitted
from tests.ml.conftest import only

Shop = Callable[..., pd.DataFrame]
ABLATION = Ablation("roc_auc", 0.01, {"shoe_size": 0.004, "weather": 0.0}, full=0.8, pruned=0.79, standard_error=0.02)


def spec_of(least_importance: float) -> ModelSpec:
    forest = PURCHASE_PROPENSITY.candidates[1]
    return replace(only(PURCHASE_PROPENSITY, forest), least_importance=least_importance)


@pytest.fixture(scope="module")
def table(shop: Shop) -> pd.DataFrame:
    return shop("will_purchase_7d")


def fitted_with(table: pd.DataFrame, features: Sequence[BundleFeature], least: float) -> Fitted[BundleFeature]:
    return training.fit(spec_of(least), table, features)


def test_what_counts_for_little_is_left_out_and_the_rest_learnt_again(
    table: pd.DataFrame, features: Sequence[BundleFeature]
) -> None:
    """Trees that look at all columns never ask for one that is the same in each row: without it nothing changes."""
    boosted = replace(only(PURCHASE_PROPENSITY, PURCHASE_PROPENSITY.candidates[2]), least_importance=1e-9)
    season = BundleFeature("season", "shop", "user", "float64", 86400.0, None)
    full = training.fit(boosted, table.assign(season=1.0), [*features, season])

    pruned, ablation = prune(full, table.assign(season=1.0))

    assert ablation is not None
    assert ablation.dropped == {"season": 0.0}
    assert ablation.pruned == ablation.full
    assert pruned.features == features
    assert (pruned.spec, pruned.trials) == (full.spec, full.trials)
    np.testing.assert_allclose(pruned.score(table), full.score(table.assign(season=1.0)))


def test_a_model_that_would_be_the_worse_for_it_stays_as_it_is() -> None:
    """Eight features tell alike much: without those below an eighth, about half of what is known is gone."""
    rng = np.random.default_rng(2)
    told = rng.normal(size=(800, 8))
    frame = pd.DataFrame(told, columns=[f"f{number}" for number in range(8)])
    frame["will_purchase_7d"] = told.sum(axis=1) + rng.normal(size=800) > 2
    columns = [Column(f"f{number}", "float64", "", True) for number in range(8)]
    full = training.fit(replace(spec_of(0.125), group=None), frame, columns)

    kept, ablation = prune(full, frame)

    assert ablation is not None
    assert not ablation.is_pruned
    assert kept is full


def test_nothing_is_tried_where_every_feature_counts(table: pd.DataFrame, features: Sequence[BundleFeature]) -> None:
    full = fitted_with(table, features, 0.0)
    assert prune(full, table) == (full, None)


@pytest.mark.parametrize(("pruned", "is_pruned"), [(0.79, True), (0.78, True), (0.779, False), (0.85, True)])
def test_it_is_pruned_where_the_folds_can_t_tell_a_loss(pruned: float, is_pruned: bool) -> None:
    assert replace(ABLATION, pruned=pruned).is_pruned is is_pruned


def test_an_ablation_says_what_was_tried_and_what_came_of_it() -> None:
    told = str(ABLATION)
    assert "2 features count for less than 1% each (`shoe_size` 0.4%, `weather` 0.0%)" in told
    assert "roc_auc is 0.790, with all 0.800, on the same folds" in told
    assert "a standard error of 0.020 in the difference: they are left out." in told
    assert ABLATION.as_metadata() == {
        "pruning_dropped": 2.0,
        "pruning_full": 0.8,
        "pruning_pruned": 0.79,
        "is_pruned": 1.0,
    }
