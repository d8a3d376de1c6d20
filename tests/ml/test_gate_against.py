"""The gate between challenger and champion: a pure rule, on literal figures."""

from dataclasses import replace

import pytest

from ml.comparison import Comparison
from ml.gate import judge_against, judge_guard, judge_impressions, judge_shadow
from ml.intervals import Interval
from ml.shadow import ShadowReport

NOTHING = Interval(0.0, -0.01, 0.01)
LOSS = Interval(-0.08, -0.12, -0.04)
GAIN = Interval(0.08, 0.04, 0.12)
EVEN = Comparison(1_000, 50, Interval(0.7, 0.6, 0.8), Interval(0.7, 0.6, 0.8), NOTHING, NOTHING, NOTHING, NOTHING, {})
BETTER = replace(EVEN, roc_auc=GAIN)
REPORT = ShadowReport("decisions on record", 200, 0, 0.4, 0.38, 0.9, {})


def test_a_challenger_that_ranks_surely_better_passes() -> None:
    outcome = judge_against(BETTER, decides=True)
    assert outcome.is_passed
    assert outcome.reason == (
        "Better than the champion: ROC-AUC differs by 0.080 (0.040 to 0.120) on 1,000 rows that neither saw."
    )


@pytest.mark.parametrize("low", [-0.01, 0.0, float("nan")])
def test_what_cannot_be_told_leaves_the_champion(low: float) -> None:
    outcome = judge_against(replace(EVEN, roc_auc=Interval(0.02, low, 0.05)), decides=True)
    assert not outcome.is_passed
    assert outcome.reason.startswith("Cannot tell from the champion: ROC-AUC differs by 0.020")


@pytest.mark.parametrize(("positives", "is_passed"), [(9, False), (10, True)])
def test_few_positives_tell_nothing(positives: int, is_passed: bool) -> None:
    assert judge_against(replace(BETTER, positives=positives), decides=True).is_passed == is_passed
    assert "0 positives among rows" in judge_against(None, decides=True).reason


def test_a_champion_that_may_be_no_better_than_chance_stays_where_nobody_is_surely_better() -> None:
    """Of few positives every other interval touches chance: two equals would take turns."""
    lost = replace(EVEN, champion_auc=Interval(0.53, 0.45, 0.6))
    assert judge_against(lost, decides=True).reason.startswith("Cannot tell from the champion: ")


def test_a_challenger_whose_probabilities_are_surely_nearer_passes_though_it_ranks_alike() -> None:
    outcome = judge_against(replace(EVEN, calibration_error=LOSS), decides=True)
    assert outcome.is_passed
    assert outcome.reason == (
        "Better calibrated than the champion: calibration error differs by -0.080 (-0.120 to -0.040), and ROC-AUC "
        "differs by 0.000 (-0.010 to 0.010) on 1,000 rows that neither saw."
    )


@pytest.mark.parametrize(("high", "is_passed"), [(-0.005, False), (-0.0051, True)])
def test_a_gain_in_calibration_below_a_tenth_of_what_converts_is_none(high: float, is_passed: bool) -> None:
    nearer = replace(EVEN, calibration_error=Interval(-0.02, -0.05, high))
    assert judge_against(nearer, decides=True).is_passed == is_passed


@pytest.mark.parametrize("high", [0.0, 0.01, float("nan")])
def test_probabilities_that_are_perhaps_nearer_leave_the_champion(high: float) -> None:
    perhaps = replace(EVEN, calibration_error=Interval(-0.02, -0.05, high))
    assert judge_against(perhaps, decides=True).reason.startswith("Cannot tell from the champion: ")


@pytest.mark.parametrize(
    "worse", [{"roc_auc": LOSS}, {"recall_within_budget": LOSS}, {"groups": {"device mobile": LOSS}}]
)
def test_nearer_probabilities_make_up_for_nothing_that_is_surely_worse(
    worse: dict[str, Interval | dict[str, Interval]],
) -> None:
    nearer = replace(EVEN, calibration_error=LOSS, **worse)  # type: ignore[arg-type]
    assert judge_against(nearer, decides=True).reason.startswith("Worse than the champion: ")


@pytest.mark.parametrize(
    ("row", "worse", "told"),
    [
        ("M10", {"roc_auc": LOSS}, "ROC-AUC by -0.080"),
        ("M10", {"recall_within_budget": LOSS}, "recall within the impression budget by -0.080"),
        ("M10", {"recall": Interval(-0.3, -0.4, -0.2)}, "recall at its threshold by -0.300"),
        ("M10", {"calibration_error": GAIN}, "calibration error by 0.080"),
        ("M10", {"groups": {"device mobile": NOTHING, "country PL": LOSS}}, "ROC-AUC of country PL by -0.080"),
    ],
)
def test_a_challenger_that_is_surely_worse_in_anything_is_refused(
    row: str, worse: dict[str, Interval | dict[str, Interval]], told: str
) -> None:
    outcome = judge_against(replace(BETTER, **worse), decides=True)  # type: ignore[arg-type]
    assert not outcome.is_passed
    assert outcome.reason.startswith("Worse than the champion: ")
    assert told in outcome.reason


@pytest.mark.parametrize("group", [Interval(-0.08, -0.2, 0.01), Interval(-0.04, -0.045, -0.03)])
def test_a_group_may_lose_a_little_or_what_chance_explains(group: Interval) -> None:
    assert judge_against(replace(BETTER, groups={"device mobile": group}), decides=True).is_passed


def test_recall_within_the_budget_counts_for_those_alone_who_decide() -> None:
    assert judge_against(replace(BETTER, recall_within_budget=LOSS), decides=False).is_passed


@pytest.mark.parametrize(("low", "is_passed"), [(0.45, True), (0.46, False)])
def test_impressions_may_exceed_the_budget_by_a_little(low: float, is_passed: bool) -> None:
    assert judge_impressions(Interval(0.5, low, 0.6), budget=0.4).is_passed == is_passed


@pytest.mark.parametrize(
    ("report", "is_passed"),
    [
        (REPORT, True),
        (replace(REPORT, failed=1), False),
        (replace(REPORT, challenger_share=0.46), False),
        (replace(REPORT, champion_share=None, agreement=None), True),
    ],
)
def test_the_shadow_refuses_what_fails_or_shows_too_many(report: ShadowReport, is_passed: bool) -> None:
    assert judge_shadow(report, budget=0.4).is_passed == is_passed


@pytest.mark.parametrize(
    ("comparison", "is_passed"),
    [
        (None, True),
        (EVEN, True),
        (BETTER, True),
        (replace(EVEN, roc_auc=LOSS), False),
        (replace(EVEN, recall_within_budget=LOSS), False),
        (replace(EVEN, recall=Interval(-0.3, -0.4, -0.11)), False),
        (replace(EVEN, recall=Interval(-0.3, -0.4, -0.1)), True),
        (replace(EVEN, roc_auc=LOSS, positives=9), True),
        (replace(EVEN, roc_auc=Interval(-0.08, -0.2, 0.0)), True),
    ],
)
def test_the_guard_sends_back_what_is_surely_worse(comparison: Comparison | None, is_passed: bool) -> None:
    assert judge_guard(comparison).is_passed == is_passed
