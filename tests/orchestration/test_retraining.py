from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta

import pytest

from ml.drift_verdict import Verdict

NOW = datetime(2026, 1, 19, 15, tzinfo=UTC)
DAY = timedelta(hours=24)
FIRST, SECOND = "2026-01-05 to 2026-01-11", "2026-01-12 to 2026-01-18"

Told = tuple[str, str]
"""A window and its verdict."""


def _judged(*told: Told, retrained_at: datetime | None = None) -> str:
    """The window that asks for retraining, or why none does."""
    from orchestration.retraining import Report, Retrain, judge

    reports = [Report(window, Verdict(verdict), f"said {verdict}") for window, verdict in told]
    judged = judge(reports, NOW, retrained_at, DAY)
    return judged.window if isinstance(judged, Retrain) else judged.reason


@pytest.mark.parametrize("verdicts", [("drift", "drift"), ("label_shift", "drift"), ("drift", "label_shift")])
def test_two_windows_in_a_row_ask(verdicts: Sequence[str]) -> None:
    newest, before = verdicts

    assert _judged((SECOND, newest), (FIRST, before)) == SECOND


@pytest.mark.parametrize("before", [None, "stable", "relabelling_suspected", "not_enough_data"])
def test_one_window_alone_does_not(before: str | None) -> None:
    earlier = [(FIRST, before)] if before else []

    assert _judged((SECOND, "drift"), *earlier) == (
        f"{SECOND} has moved, and the window before it had not, or is not known: said drift"
    )


def test_what_asks_says_since_when_visitors_are_others() -> None:
    from orchestration.retraining import Report, Retrain, judge

    still = Report("2025-12-29 to 2026-01-04", Verdict.STABLE, "")
    moved = [Report(window, Verdict.DRIFT, "PSI") for window in (SECOND, FIRST)]

    assert judge([*moved, still], NOW, None, DAY) == Retrain(SECOND, date(2026, 1, 5), "drift: PSI")


def test_windows_that_share_days_are_not_two() -> None:
    assert _judged((SECOND, "drift"), ("2026-01-11 to 2026-01-17", "drift")).startswith(f"{SECOND} has moved")


def test_of_a_window_that_was_judged_twice_the_newest_verdict_counts() -> None:
    assert _judged((SECOND, "drift"), (SECOND, "stable"), (FIRST, "drift"), (FIRST, "stable")) == SECOND
    assert _judged((SECOND, "stable"), (SECOND, "drift"), (FIRST, "drift")) == "The verdict is stable: said stable"


@pytest.mark.parametrize("verdict", ["stable", "relabelling_suspected", "not_enough_data"])
def test_other_verdicts_ask_for_nothing_and_say_why(verdict: str) -> None:
    assert _judged((SECOND, verdict), (FIRST, "drift")) == f"The verdict is {verdict}: said {verdict}"


def test_before_the_first_report_nothing_is_asked() -> None:
    assert _judged() == "There is no drift report yet."


@pytest.mark.parametrize(("hours", "asks"), [(1, False), (23, False), (24, True), (200, True)])
def test_a_day_passes_between_two_trainings(hours: int, asks: bool) -> None:
    judged = _judged((SECOND, "drift"), (FIRST, "drift"), retrained_at=NOW - timedelta(hours=hours))

    assert (judged == SECOND) == asks
