from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import roc_auc_score

from ml.comparison import DIFFERENCES, Answered, Ranking, Scored, compare, compare_scores, groups_of
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


def _visitors(rows: int = 1_000) -> tuple[Answered, Scored, Scored]:
    """Visitors by scores that tell something, and by better ones."""
    rng = np.random.default_rng(1)
    target = rng.random(rows) < 0.2
    users = rng.integers(0, rows // 2, rows)
    noise = rng.normal(0, 0.1, rows)
    scores = (np.clip(base + gain * target + noise, 0, 1) for base, gain in ((0.2, 0.1), (0.1, 0.6)))
    worse, better = (Scored(score, 0.5) for score in scores)
    return Answered(target, users), worse, better


def test_what_is_better_is_so_by_its_whole_interval_and_the_other_way_round_worse() -> None:
    rows, worse, better = _visitors()
    up, down = compare_scores(rows, worse, better, 0.4), compare_scores(rows, better, worse, 0.4)

    assert up.roc_auc.low > 0
    assert up.recall_within_budget.low > 0
    assert (down.roc_auc.value, down.roc_auc.low) == pytest.approx((-up.roc_auc.value, -up.roc_auc.high))
    assert up.champion_auc == down.challenger_auc


def test_the_same_scores_differ_by_exactly_nothing() -> None:
    rows, scored, _ = _visitors()
    same = compare_scores(replace(rows, groups={"all": np.full(1_000, True)}), scored, scored, 0.4)

    for difference in (*(getattr(same, name) for name in DIFFERENCES), same.groups["all"]):
        assert (difference.value, difference.low, difference.high) == (0, 0, 0)
    assert same.champion_auc == same.challenger_auc


def test_a_threshold_that_shows_nobody_keeps_no_conversion_however_well_it_ranks() -> None:
    rows, _, better = _visitors()
    found = compare_scores(rows, better, replace(better, threshold=0.99), 0.4)

    assert (found.roc_auc.value, found.recall_within_budget.value) == (0, 0)
    shown = float((better.score >= 0.5)[rows.target].mean())
    assert found.recall.value == pytest.approx((better.score >= 0.99)[rows.target].mean() - shown)
    assert found.recall.high < -0.5


def test_a_group_is_compared_by_itself() -> None:
    rows, worse, better = _visitors()
    half = np.arange(1_000) < 500
    mixed = replace(better, score=np.where(half, better.score, 1 - better.score))
    found = compare_scores(replace(rows, groups={"phones": half, "desks": ~half}), worse, mixed, 0.4)

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
