from math import isnan, nan

import numpy as np
import pytest

from ml.best import COMPARED, shares_of_best
from ml.evaluation import Outcomes, Scorecard, Scores, Target, curves, expected_roc_auc, roc_auc, scorecard, separation
from ml.intervals import Interval

TARGET = np.array([False, False, True, False, True, False, False, True, False, True])
SCORE = np.array([0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.85, 0.9])


def judge(target: Target = TARGET, score: Scores = SCORE, resamples: int = 200) -> Scorecard:
    outcomes = Outcomes(target, score, np.arange(len(target)))
    return scorecard(outcomes, threshold=0.5, train_auc=0.9, resamples=resamples)


def test_figures_equal_those_reckoned_by_hand() -> None:
    card = judge()
    # of 24 pairs of a positive and a negative, the positive is ahead in 2 + 3 + 5 + 6
    assert card.roc_auc.value == pytest.approx(16 / 24)
    assert card.average_precision.value == pytest.approx((1 / 1 + 2 / 3 + 3 / 6 + 4 / 8) / 4)
    assert card.recall.value == pytest.approx(3 / 4)
    assert card.precision.value == pytest.approx(3 / 6)
    assert card.specificity.value == pytest.approx(3 / 6)
    assert card.impressions_share.value == pytest.approx(6 / 10)
    assert card.lift_top_decile.value == pytest.approx(1 / 0.4)
    assert card.brier.value == pytest.approx(2.5725 / 10)
    assert card.train_test_gap.value == pytest.approx(0.9 - 16 / 24)
    assert (card.rows, card.positives) == (10, 4)


def test_calibration_error_is_the_mean_distance_of_predicted_from_observed_rates() -> None:
    score = np.repeat([0.2, 0.6], 50)
    target = np.arange(100) % 2 == 0
    assert judge(target, score, resamples=2).calibration_error.value == pytest.approx((0.3 + 0.1) / 2)


def test_tied_scores_share_the_top_decile_whatever_their_order() -> None:
    target = np.arange(100) < 20
    score = np.full(100, 0.5)
    assert judge(target, score, resamples=2).lift_top_decile.value == pytest.approx(1)


def test_every_interval_holds_its_value() -> None:
    for interval in judge().intervals.values():
        assert interval.low <= interval.value <= interval.high


def test_intervals_narrow_as_rows_grow() -> None:
    few, many = judge(), judge(np.tile(TARGET, 40), np.tile(SCORE, 40))
    assert many.roc_auc.high - many.roc_auc.low < (few.roc_auc.high - few.roc_auc.low) / 3


def test_rows_of_one_user_count_as_little_more_than_one() -> None:
    target, score = np.repeat(TARGET, 20), np.repeat(SCORE, 20)
    each, together = (
        scorecard(Outcomes(target, score, groups), 0.5, 0.9, resamples=200).roc_auc
        for groups in (np.arange(200), np.repeat(np.arange(10), 20))
    )
    assert together.high - together.low > 2 * (each.high - each.low)


def test_the_same_seed_gives_the_same_intervals() -> None:
    assert judge() == judge()


def test_it_says_so_where_it_cannot_tell() -> None:
    assert judge().cannot_tell
    assert not judge(np.tile(TARGET, 40), np.tile(SCORE, 40)).cannot_tell


def test_a_test_set_without_positives_defines_no_auc_and_cannot_tell() -> None:
    card = judge(np.zeros(10, dtype=bool), resamples=2)
    assert isnan(card.roc_auc.value)
    assert str(card.roc_auc) == "not defined"
    assert card.cannot_tell
    assert {"roc_auc", "recall", "train_test_gap_low"}.isdisjoint(card.as_metadata())
    assert card.as_metadata()["specificity"] == pytest.approx(0.4)


def test_metadata_is_flat_and_holds_every_bound() -> None:
    metadata = judge().as_metadata()
    assert {"roc_auc", "roc_auc_low", "roc_auc_high", "rows", "positives", "threshold"} <= set(metadata)
    assert {name for name, value in metadata.items() if type(value) is int} == {"rows", "positives"}
    assert {type(value) for value in metadata.values()} == {int, float}


def test_an_interval_reads_as_a_sentence_part() -> None:
    assert str(Interval(0.8, 0.71234, 0.9)) == "0.800 (0.712 to 0.900)"


def test_lift_begins_with_the_best_scored_tenth() -> None:
    drawn = curves(TARGET, SCORE)
    assert drawn.lift[0] == pytest.approx(1 / 0.4)
    assert list(drawn.predicted) == list(SCORE)


def test_groups_far_apart_have_a_silhouette_near_1() -> None:
    rng = np.random.default_rng(1)
    groups = np.arange(60) % 2
    found = separation(rng.normal(size=(60, 2)) + 100 * groups[:, None], groups)
    assert found.silhouette.low > 0.9
    assert found.davies_bouldin < 0.1


def test_one_group_has_no_silhouette() -> None:
    found = separation(np.zeros((5, 2)), np.zeros(5, dtype=int))
    assert isnan(found.silhouette.value)
    assert isnan(found.davies_bouldin)
    assert str(Interval(nan, nan, nan)) == "not defined"


def test_the_best_scores_have_all_of_the_best_and_a_coin_half_of_it() -> None:
    rng = np.random.default_rng(1)
    best = rng.random(2_000)
    target, groups = rng.random(2_000) < best, np.arange(2_000)
    all_of_it = shares_of_best(Outcomes(target, best, groups), best, 0.7, resamples=50)
    assert {name: share.low for name, share in all_of_it.items()} == dict.fromkeys(COMPARED, 1.0)
    coin = shares_of_best(Outcomes(target, rng.random(2_000), groups), best, 0.7, resamples=200)
    assert coin["roc_auc"].low < 0.5 / roc_auc(target, best) < coin["roc_auc"].high
    shown = best >= np.sort(best)[-600]
    assert coin["recall"].low < 0.3 / shown[target].mean() < coin["recall"].high


def test_nothing_is_a_share_of_the_best_where_nobody_converts() -> None:
    nobody = Outcomes(np.zeros(20, dtype=bool), np.linspace(0, 1, 20), np.arange(20))
    assert all(isnan(share.value) for share in shares_of_best(nobody, np.full(20, 0.5), 0.9, resamples=5).values())


@pytest.mark.parametrize("reverse", [False, True])
def test_a_score_that_is_right_on_average_is_calibrated_in_any_order(reverse: bool) -> None:
    target = np.sort(np.random.default_rng(0).random(1_000) < 0.1)[:: -1 if reverse else 1]
    card = judge(target, np.full(1_000, target.mean()), resamples=2)
    assert card.calibration_error.value == pytest.approx(0, abs=1e-9)


def test_what_is_expected_of_scores_counts_each_row_as_both_answers_by_its_probability() -> None:
    # pairs that the first answer wins, by row: 0.1 * 0.9 / 2, 0.5 * (0.9 + 0.5 / 2 + 0.1), 0.9 * (0.9 + 0.1 / 2)
    won = 0.045 + 0.625 + 0.855

    assert expected_roc_auc(np.array([0.1, 0.5, 0.9]), np.array([1.0, 3.0, 2.0])) == pytest.approx(won / (1.5 * 1.5))
    # where nothing is left to chance, it is what came true
    assert expected_roc_auc(TARGET.astype(float), SCORE) == pytest.approx(roc_auc(TARGET, SCORE))
