from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from ml.bundle import BundleFeature
from ml.evaluation import Outcomes, outcomes_of, roc_auc
from ml.intervals import Interval, wilson
from ml.subgroup_card import subgroup_section
from ml.subgroups import FIGURES, Breakdown, Group, break_down, subgroups, visitors
from ml.training import Fitted

NAMES = pd.Series(["a"] * 100 + ["b"] * 60 + ["c"] * 30 + ["d"] * 10)
# of a, half convert and all converters are shown; of the others nobody converts and half are shown
TARGET = np.array([True] * 50 + [False] * 150)
SCORE = np.array([0.9] * 50 + [0.1] * 50 + [0.9, 0.1] * 50)


def broken_down(users: Sequence[int] | None = None) -> Breakdown:
    groups = np.arange(200) if users is None else np.array(users)
    return break_down("letter", NAMES, Outcomes(TARGET, SCORE, groups), 0.5, FIGURES)


def test_small_groups_are_judged_together_and_stand_last() -> None:
    found = [(group.name, group.rows, group.positives) for group in broken_down().groups]
    assert found == [("a", 100, 50), ("b", 60, 0), ("other", 40, 0)]


def test_each_figure_is_that_of_the_group_s_rows() -> None:
    a, b, _ = broken_down().groups
    assert {name: interval.value for name, interval in a.figures.items()} == {
        "roc_auc": 1.0,
        "recall": 1.0,
        "precision": 1.0,
        "impressions_share": 0.5,
        "positives_share": 0.5,
    }
    assert b.figures["impressions_share"] == wilson(30, 60)
    assert b.figures["precision"].value == 0.0


def test_what_a_group_has_no_rows_for_is_not_defined() -> None:
    _, b, _ = broken_down().groups
    assert np.isnan([b.figures["roc_auc"].value, b.figures["recall"].value]).all()


def test_rows_of_one_user_tell_no_more_than_one_row() -> None:
    alone, together = broken_down().groups[0], broken_down([number // 10 for number in range(200)]).groups[0]
    assert together.figures["impressions_share"].value == alone.figures["impressions_share"].value
    assert together.figures["impressions_share"] == wilson(5, 10)
    assert np.isnan(together.figures["roc_auc"].value)


@pytest.mark.parametrize(("low", "is_apart"), [(0.39, False), (0.41, True)])
def test_groups_differ_only_where_their_intervals_lie_apart(low: float, is_apart: bool) -> None:
    few, many = Interval(0.3, 0.2, 0.4), Interval(0.6, low, 0.8)
    breakdown = Breakdown("by", (Group("few", 9, 1, {"recall": few}), Group("many", 9, 1, {"recall": many})))
    told = [(found.figure, found.low.name, found.high.name) for found in breakdown.differences]
    assert told == ([("recall", "few", "many")] if is_apart else [])


def test_a_first_visit_is_a_new_visitor_s_and_a_null_nobody_s() -> None:
    assert visitors(pd.Series([1, 2, None])).tolist() == ["new", "returning", "missing"]
    assert visitors(pd.Series(["mobile", None], dtype=object)).tolist() == ["mobile", "missing"]


def test_a_model_is_judged_by_the_features_whose_contract_says_so(
    popup_model: Fitted[BundleFeature], shop: Callable[..., pd.DataFrame], features: Sequence[BundleFeature]
) -> None:
    named = [replace(feature, subgroup="device" if feature.name == "device" else None) for feature in features]
    table = shop("converts", seed=2)
    outcomes = outcomes_of(popup_model, table)

    (found,) = subgroups(named, table, outcomes, popup_model.threshold)

    assert found.by == "device"
    assert {group.name: group.rows for group in found.groups} == table["device"].value_counts().to_dict()
    mobile = next(group for group in found.groups if group.name == "mobile")
    rows = (table["device"] == "mobile").to_numpy()
    assert mobile.figures["roc_auc"].value == roc_auc(outcomes.target[rows], outcomes.score[rows])
    assert mobile.figures["roc_auc"].low < mobile.figures["roc_auc"].value < mobile.figures["roc_auc"].high


def test_a_card_tells_groups_apart_or_says_that_it_cannot() -> None:
    apart = subgroup_section([broken_down()])
    assert "| a | 100 | 1.000 (1.000 to 1.000) | 100.0% (92.9% to 100.0%) |" in apart
    assert "| b | 60 | too few | none |" in apart
    assert "Differ by more than chance: converters among the shown, lower of b than of a" in apart
    alike = break_down(
        "letter", NAMES, Outcomes(np.arange(200) % 2 < 1, np.full(200, 0.1), np.arange(200)), 0.5, FIGURES
    )
    assert "Cannot tell any of these groups apart." in subgroup_section([alike])
    assert "cannot tell" in subgroup_section([alike])
