"""The search for the best setting."""

import math
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from ml import families, search
from ml.search import Rows, Trial, folds_of, nearby_spread
from ml.specs import POPUP_PROFILE, Candidate

GRID = Candidate("xgboost", {"max_depth": (1, 2, 3), "reg_lambda": (1.0, 5.0)})
OTHER = Candidate("logistic_regression", {"logisticregression__C": (0.1,)})


def trial(mean: float, depth: int, penalty: float) -> Trial:
    return Trial(GRID, {"max_depth": depth, "reg_lambda": penalty}, mean, 0.0, mean)


def test_the_spread_is_that_of_settings_one_step_away() -> None:
    best = trial(0.9, 2, 1.0)
    beside, further = (trial(0.87, 1, 1.0), trial(0.85, 2, 5.0)), (trial(0.5, 1, 5.0), trial(0.4, 3, 5.0))
    assert nearby_spread((best, *beside, *further)) == pytest.approx(0.05)


def test_two_steps_are_not_beside_nor_is_another_family() -> None:
    assert not trial(0.9, 1, 1.0).is_beside(trial(0.9, 3, 1.0))
    assert not Trial(OTHER, {"logisticregression__C": 0.1}, 0.9, 0.0, 0.9).is_beside(trial(0.9, 1, 1.0))
    assert math.isnan(nearby_spread((trial(0.9, 1, 1.0), trial(0.9, 3, 1.0))))


def test_no_visitor_is_learnt_from_and_judged_by_in_one_fold() -> None:
    rng = np.random.default_rng(4)
    frame = pd.DataFrame({"user_pseudo_id": rng.integers(0, 60, 300)})
    for learnt, judged in folds_of(POPUP_PROFILE, frame, rng.random(300) < 0.3):
        assert not set(frame["user_pseudo_id"].iloc[learnt]) & set(frame["user_pseudo_id"].iloc[judged])


def test_users_of_a_rare_answer_are_spread_over_all_folds() -> None:
    frame = pd.DataFrame({"user_pseudo_id": np.repeat(np.arange(40), 5)})
    target = np.zeros(200, dtype=np.intp)
    target[:100:5], target[100:120:5] = 1, 2
    folds = folds_of(POPUP_PROFILE, frame, target)
    assert [np.bincount(target[judged]).tolist() for _, judged in folds] == [[44, 5, 1]] * 4
    assert sorted(np.concatenate([judged for _, judged in folds])) == list(range(200))


def test_recall_is_bought_within_the_budget_and_ties_go_to_the_better_ranking() -> None:
    """A positive needs a feature that one in ten rows has: a tenth of the impressions buys every one."""
    rng = np.random.default_rng(5)
    tells = rng.random(2_000) < 0.1
    target = tells & (rng.random(2_000) < 0.5)
    matrix = np.column_stack([tells, rng.random(2_000)]).astype(np.float32)
    spec = replace(POPUP_PROFILE, group=None, candidates=(OTHER, GRID))
    rows = Rows(matrix, target, folds_of(spec, pd.DataFrame(index=range(2_000)), target))
    generous, tight = (search.search(spec, rows, budget, 1) for budget in (0.5, 0.02))
    assert generous[0].mean == 1.0
    assert generous[0].tie_breaker == max(found.tie_breaker for found in generous if found.mean == 1.0)
    assert max(found.mean for found in tight) < 0.9


def test_early_stopping_holds_out_whole_users() -> None:
    """Rows of one user are alike in everything: held out by rows, learning them by heart would look good for ever."""
    rng = np.random.default_rng(3)
    users = np.repeat(np.arange(150), 8)
    matrix, target = rng.normal(size=(150, 6))[users].astype(np.float32), (rng.random(150) < 0.3)[users]
    booster = families.build("xgboost", seed=7, n_jobs=1, to_compare=True)
    booster.set_params(n_estimators=300, early_stopping_rounds=10, max_depth=3)
    by_row = booster.fit(matrix, target).best_iteration
    assert booster.fit(matrix, target, users=users).best_iteration < by_row / 5
