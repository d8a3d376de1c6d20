from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from sklearn.metrics import roc_auc_score

from ml.comparison import Ranking, compare, compare_scores, groups_of
from ml.evaluation import Outcomes
from ml.specs import POPUP_PROFILE
from tests.ml import rivals
from tests.ml.conftest import FEATURES, HEADER

ROWS = st.lists(st.tuples(st.booleans(), st.integers(0, 5), st.integers(0, 3)), min_size=2, max_size=40)


@given(rows=ROWS)
def test_a_resampled_roc_auc_is_scikit_learn_s_of_the_repeated_rows(rows: list[tuple[bool, int, int]]) -> None:
    target, score, times = (np.array(column) for column in zip(*rows, strict=True))
    repeated = np.repeat(np.arange(len(rows)), times)
    found = Ranking(target.astype(bool), score.astype(float)).roc_auc(times)

    if 0 < target[repeated].sum() < len(repeated):
        assert found == pytest.approx(roc_auc_score(target[repeated], score[repeated]))
    else:
        assert np.isnan(found)


def _visitors(rows: int = 1_000) -> tuple[Outcomes, NDArray[np.float64]]:
    """Scores that tell something, and better ones."""
    rng = np.random.default_rng(1)
    target = rng.random(rows) < 0.2
    users = rng.integers(0, rows // 2, rows)
    noise = rng.normal(0, 0.1, rows)
    return Outcomes(target, np.clip(0.2 + 0.1 * target + noise, 0, 1), users), np.clip(0.1 + 0.6 * target + noise, 0, 1)


def test_what_is_better_is_so_by_its_whole_interval_and_the_other_way_round_worse() -> None:
    outcomes, better = _visitors()
    up = compare_scores(outcomes, better, {}, 0.4)
    down = compare_scores(replace(outcomes, score=better), outcomes.score, {}, 0.4)

    assert up.roc_auc.low > 0
    assert up.recall_within_budget.low > 0
    assert (down.roc_auc.value, down.roc_auc.low) == pytest.approx((-up.roc_auc.value, -up.roc_auc.high))
    assert up.champion_auc == down.challenger_auc


def test_the_same_scores_differ_by_exactly_nothing() -> None:
    outcomes, _ = _visitors()
    same = compare_scores(outcomes, outcomes.score, {"all": np.full(1_000, True)}, 0.4)

    for difference in (same.roc_auc, same.recall_within_budget, same.calibration_error, same.groups["all"]):
        assert (difference.value, difference.low, difference.high) == (0, 0, 0)
    assert same.champion_auc == same.challenger_auc


def test_a_group_is_compared_by_itself() -> None:
    outcomes, better = _visitors()
    half = np.arange(1_000) < 500
    mixed = np.where(half, better, 1 - better)
    found = compare_scores(outcomes, mixed, {"phones": half, "desks": ~half}, 0.4)

    assert found.groups["phones"].low > 0 > found.groups["desks"].high
    assert found.as_metadata()["roc_auc_difference of desks"] < 0


def test_versions_are_compared_on_days_that_neither_learnt_from_alone() -> None:
    later = replace(rivals.good(), header=replace(HEADER, trained_to="2026-02-10"))
    shop = rivals.shop()
    found = compare(rivals.bad(), later, POPUP_PROFILE, shop, 0.4)

    assert found is not None
    assert found.rows == (shop["event_timestamp"] >= pd.Timestamp("2026-02-11", tz="UTC")).sum() < len(shop)
    assert found.roc_auc.low > 0


def test_nothing_is_compared_where_both_have_seen_all_days() -> None:
    seen = replace(rivals.good(), header=replace(HEADER, trained_to="2026-03-02"))
    assert compare(seen, rivals.good(), POPUP_PROFILE, rivals.shop(), 0.4) is None


def test_groups_too_small_or_without_positives_are_left_out() -> None:
    device = replace(FEATURES[3], subgroup="device")
    frame = pd.DataFrame({"device": ["mobile"] * 100 + ["desktop"] * 100 + ["tablet"] * 49})
    target = np.arange(249) % 5 == 0
    target[100:200] = False

    assert list(groups_of([*FEATURES[:3], device], frame, target)) == ["device mobile"]
