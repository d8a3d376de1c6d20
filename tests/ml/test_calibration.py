import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ml.calibration import fit_platt, pick_threshold

scored = st.lists(st.tuples(st.floats(0, 1), st.booleans()), min_size=1, max_size=40)
budgets = st.floats(0.01, 1.0)


@given(scored, budgets)
def test_no_more_is_shown_than_the_budget(rows: list[tuple[float, bool]], budget: float) -> None:
    score, target = np.array([row[0] for row in rows]), np.array([row[1] for row in rows])
    threshold = pick_threshold(score, target, budget)
    assert 0 <= threshold <= 1
    # a score of 1 is at or above any threshold
    assert (score >= threshold).mean() <= budget or score.max() == 1.0


@given(scored, budgets)
def test_no_affordable_threshold_keeps_more_positives(rows: list[tuple[float, bool]], budget: float) -> None:
    score, target = np.array([row[0] for row in rows]), np.array([row[1] for row in rows])
    kept = int(target[score >= pick_threshold(score, target, budget)].sum())
    affordable = [rival for rival in score if (score >= rival).mean() <= budget]
    assert all(target[score >= rival].sum() <= kept for rival in affordable)


def test_of_equally_good_thresholds_the_one_that_interrupts_fewest_is_picked() -> None:
    score = np.array([0.1, 0.2, 0.3, 0.4, 0.5, 0.6])
    target = np.array([False, False, False, False, True, False])
    assert pick_threshold(score, target, 0.7) == 0.5


@pytest.mark.parametrize("budget", [0.0, 1.01, -1.0])
def test_a_budget_that_is_no_share_is_refused(budget: float) -> None:
    with pytest.raises(ValueError, match="impression_budget"):
        pick_threshold(np.array([0.5]), np.array([True]), budget)


def test_calibration_finds_the_rates_behind_margins() -> None:
    rng = np.random.default_rng(1)
    margin = rng.normal(size=20_000)
    target = rng.random(20_000) < 1 / (1 + np.exp(-(2 * margin - 3)))
    calibration = fit_platt(margin, target, np.ones(20_000, dtype=bool))
    assert calibration.slope == pytest.approx(2, abs=0.15)
    assert calibration.intercept == pytest.approx(-3, abs=0.15)


def test_some_rows_tell_how_often_and_all_how_much_a_margin_tells() -> None:
    rng = np.random.default_rng(1)
    margin, level = rng.normal(size=20_000), np.arange(20_000) >= 15_000
    target = rng.random(20_000) < 1 / (1 + np.exp(-(2 * margin - np.where(level, 3, 1))))
    calibration = fit_platt(margin, target, level)
    assert calibration.slope == pytest.approx(2, abs=0.15)
    assert calibration.intercept == pytest.approx(-3, abs=0.15)


def test_a_margin_that_ranks_the_wrong_way_round_tells_nothing() -> None:
    margin = np.array([2.0, 1.0, 0.0, -1.0] * 10)
    target = np.array([False, False, False, True] * 10)
    probability = fit_platt(margin, target, np.ones(40, dtype=bool)).probability(margin)
    np.testing.assert_allclose(probability, 0.25)
    level = np.arange(40) < 2
    level[3] = True
    np.testing.assert_allclose(fit_platt(margin, target, level).probability(margin), 1 / 3)
