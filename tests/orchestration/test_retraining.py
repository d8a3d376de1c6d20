from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import pytest

NOW = datetime(2026, 1, 19, 15, tzinfo=UTC)
DAY = timedelta(hours=24)

Told = tuple[str, str, str]
"""A window, its verdict, and on what grounds."""


def _judged(*told: Told, retrained_at: datetime | None = None) -> str:
    """The window that asks for retraining, or why none does."""
    from orchestration.retraining import Retrain, Verdict, judge

    verdicts = [Verdict(window, verdict, f"said {verdict}", grounds) for window, verdict, grounds in told]
    judged = judge(verdicts, NOW, retrained_at, DAY)
    return judged.window if isinstance(judged, Retrain) else judged.reason


@pytest.mark.parametrize("verdicts", [("drift", "drift"), ("label_shift", "drift"), ("drift", "label_shift")])
def test_two_windows_in_a_row_ask(verdicts: Sequence[str]) -> None:
    newest, before = verdicts

    assert _judged(("W2", newest, ""), ("W1", before, "")) == "W2"


@pytest.mark.parametrize("before", [None, "stable", "relabelling_suspected", "not_enough_data"])
def test_one_window_alone_does_not_unless_the_change_is_abrupt(before: str | None) -> None:
    earlier = [("W1", before, "")] if before else []

    assert _judged(("W2", "drift", "gradual"), *earlier).startswith("One window alone, W2, gives grounds")
    assert _judged(("W2", "drift", "abrupt"), *earlier) == "W2"


def test_a_window_that_was_judged_twice_is_one_window() -> None:
    assert _judged(("W2", "drift", ""), ("W2", "drift", "")).startswith("One window alone")
    assert _judged(("W2", "drift", ""), ("W2", "stable", ""), ("W1", "drift", ""), ("W1", "stable", "")) == "W2"


@pytest.mark.parametrize("verdict", ["stable", "relabelling_suspected", "not_enough_data"])
def test_other_verdicts_ask_for_nothing_and_say_why(verdict: str) -> None:
    assert _judged(("W2", verdict, "abrupt"), ("W1", "drift", "")) == f"The verdict is {verdict}: said {verdict}"


def test_before_the_first_report_nothing_is_asked() -> None:
    assert _judged() == "There is no drift report yet."


@pytest.mark.parametrize(("hours", "asks"), [(1, False), (23, False), (24, True), (200, True)])
def test_a_day_passes_between_two_trainings(hours: int, asks: bool) -> None:
    judged = _judged(("W2", "drift", ""), ("W1", "drift", ""), retrained_at=NOW - timedelta(hours=hours))

    assert (judged == "W2") == asks


def test_the_evidence_is_of_the_windows_that_asked() -> None:
    from orchestration.retraining import Retrain, Verdict, judge

    told = [Verdict("W2", "drift", "3 columns"), Verdict("W1", "label_shift", "twice the rate")]
    judged = judge(told, NOW, None, DAY)

    assert judged == Retrain("W2", "W2: drift, 3 columns; W1: label_shift, twice the rate")
