from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ml.drift_verdict import (
    ColumnDrift,
    DriftPolicy,
    DriftReport,
    Ratios,
    Told,
    Verdict,
    drifted_on,
    judge,
)
from ml.relabelling import Relabelling

POLICY = DriftPolicy()
QUIET = ColumnDrift("device", 0.001, 0.004, 0.6)
MOVED = ColumnDrift("pages", 0.050, 0.004, 0.0005)
LABELS = ColumnDrift("label rate", 0.001, 0.0005, 0.002, "label_rate")


def _report(
    *columns: ColumnDrift, rows: int = 6_000, weeks: int = 6, exchanges: int = 7**7, **told: object
) -> DriftReport:
    ranked = tuple(sorted(columns, key=lambda column: column.p_value))
    return DriftReport(ranked, (), 40_000, rows, weeks, exchanges, **told)  # type: ignore[arg-type]


def test_what_chance_explains_is_stable() -> None:
    verdict = judge(_report(QUIET), POLICY)

    assert (verdict.verdict, verdict.drifted) == (Verdict.STABLE, ())
    assert verdict.reason == (
        "None of 1 columns has moved farther than chance explains, on 6,000 rows against 40,000; "
        "device is farthest off, PSI 0.0010 where chance gives up to 0.0040 (p = 0.6 over all columns), "
        "and up to 0.01 counts."
    )


def test_a_feature_that_moved_is_drift_and_the_reason_says_how_far() -> None:
    verdict = judge(_report(QUIET, MOVED), POLICY)

    assert (verdict.verdict, verdict.drifted) == (Verdict.DRIFT, ("pages",))
    assert "pages is farthest off, PSI 0.0500 where chance gives up to 0.0040" in verdict.reason


def test_scores_that_moved_alone_are_drift() -> None:
    score = ColumnDrift("champion's score", 0.05, 0.004, 0.0005, "score")

    assert judge(_report(QUIET, score), POLICY).verdict == Verdict.DRIFT


def test_answers_that_moved_alone_are_a_label_shift() -> None:
    verdict = judge(_report(QUIET, LABELS, label_rate=Ratios(0.02, 0.072)), POLICY)

    assert (verdict.verdict, verdict.drifted) == (Verdict.LABEL_SHIFT, ("label rate",))
    assert "0.02 before, 0.072 now" in verdict.reason


def test_answers_that_moved_with_features_are_drift() -> None:
    assert judge(_report(MOVED, LABELS, label_rate=Ratios(0.02, 0.01)), POLICY).verdict == Verdict.DRIFT


def test_a_relabelling_is_suspected_and_named() -> None:
    renamed = (Relabelling("channel", "Organic Search", "Other"),)
    verdict = judge(_report(QUIET, MOVED, relabelled=renamed), POLICY)

    assert verdict.verdict == Verdict.RELABELLING_SUSPECTED
    assert verdict.reason.startswith("channel 'Organic Search' may be called 'Other' now")


def test_a_relabelling_beside_other_answers_is_a_label_shift() -> None:
    renamed = (Relabelling("channel", "Organic Search", "Other"),)
    report = _report(MOVED, LABELS, relabelled=renamed, moved_undone=("label rate",), label_rate=Ratios(0.02, 0.07))

    assert judge(report, POLICY).verdict == Verdict.LABEL_SHIFT


def test_new_levels_are_told_of_from_one_percent_on() -> None:
    report = _report(QUIET, new_levels={"device": {"fridge": 0.05, "toaster": 0.001}})

    assert judge(report, POLICY).reason.endswith("New levels: device 'fridge' (5%).")


@pytest.mark.parametrize(
    ("report", "told"),
    [
        (_report(MOVED, rows=999), "999 new rows against 40,000; 1,000 rows on each side"),
        (_report(), "No column holds two values on both sides"),
        (_report(MOVED, weeks=3), "3 earlier days for each day of the window are of its weekday; 4 are needed."),
        (_report(MOVED, exchanges=49), "can be exchanged in 49 ways"),
        (_report(MOVED, weeks=0, peak="11-20..12-31"), "weekday in the peak 11-20..12-31; 4 are needed."),
    ],
)
def test_what_there_is_not_enough_of_is_named(report: DriftReport, told: str) -> None:
    verdict = judge(report, POLICY)

    assert (verdict.verdict, verdict.drifted) == (Verdict.NOT_ENOUGH_DATA, ())
    assert told in verdict.reason


@given(chances=st.lists(st.floats(0.0005, 1), min_size=1, max_size=5), rows=st.integers(0, 5_000))
def test_the_verdict_is_drift_just_where_chance_is_less_likely_than_the_policy_allows(
    chances: list[float], rows: int
) -> None:
    report = _report(*(ColumnDrift(f"{place}", 0.1, 0.1, chance) for place, chance in enumerate(chances)), rows=rows)

    if rows < 1_000:
        assert judge(report, POLICY).verdict == Verdict.NOT_ENOUGH_DATA
    else:
        assert (judge(report, POLICY).verdict == Verdict.DRIFT) == (min(chances) <= POLICY.exchange.alpha)


def _weeks(*verdicts: Verdict, step: int = 7) -> list[Told]:
    first = date(2026, 1, 5)
    begins = [first + timedelta(days=step * place) for place in range(len(verdicts))]
    return [Told(day, day + timedelta(days=6), verdict) for day, verdict in zip(begins, verdicts, strict=True)]


@pytest.mark.parametrize("lasting", [Verdict.DRIFT, Verdict.LABEL_SHIFT])
def test_two_windows_in_a_row_are_a_move_since_the_last_one_that_was_still(lasting: Verdict) -> None:
    assert drifted_on(_weeks(Verdict.STABLE, Verdict.DRIFT, lasting)) == date(2026, 1, 12)
    assert drifted_on(_weeks(Verdict.DRIFT, lasting)) == date(2026, 1, 5)


@pytest.mark.parametrize(
    "told",
    [
        (),
        (Verdict.DRIFT,),
        (Verdict.STABLE, Verdict.DRIFT),
        (Verdict.DRIFT, Verdict.STABLE),
        (Verdict.DRIFT, Verdict.NOT_ENOUGH_DATA, Verdict.DRIFT),
        (Verdict.RELABELLING_SUSPECTED, Verdict.RELABELLING_SUSPECTED),
    ],
)
def test_fewer_are_none(told: tuple[Verdict, ...]) -> None:
    assert drifted_on(_weeks(*told)) is None


def test_windows_that_lie_apart_are_not_in_a_row() -> None:
    first, *_, last = _weeks(*[Verdict.DRIFT] * 4)

    assert drifted_on([first, last]) is None


def test_windows_that_share_days_are_one() -> None:
    daily = _weeks(*[Verdict.DRIFT] * 7, step=1)

    assert drifted_on(daily) is None
    assert drifted_on(_weeks(*[Verdict.DRIFT] * 8, step=1)) == date(2026, 1, 5)
    assert drifted_on(reversed(_weeks(Verdict.DRIFT, Verdict.DRIFT))) == date(2026, 1, 5)


@pytest.mark.parametrize("unsure", [Verdict.NOT_ENOUGH_DATA, Verdict.RELABELLING_SUSPECTED])
def test_a_window_that_can_t_be_judged_does_not_end_a_move(unsure: Verdict) -> None:
    told = _weeks(Verdict.STABLE, Verdict.DRIFT, unsure, *[Verdict.DRIFT] * 8, step=1)

    assert drifted_on(told) == date(2026, 1, 12)


def test_a_still_window_among_those_that_share_days_does_not_end_a_move() -> None:
    wavering = [Verdict.STABLE, *[Verdict.DRIFT] * 5, Verdict.STABLE, Verdict.DRIFT, Verdict.DRIFT]

    assert drifted_on(_weeks(*wavering, step=1)) == date(2026, 1, 12)
