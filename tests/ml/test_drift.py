"""Drift reports on a made-up shop of 300 sessions a day; rows M12 of bad inputs are named by their id."""

from datetime import date, timedelta
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from numpy.typing import NDArray

from ml import drift
from ml.drift import CALIBRATION, LABEL_RATE, SCORE, measure, report_on
from ml.drift_verdict import DriftPolicy, DriftReport, Verdict, judge
from ml.reference import ComparedDays, compared_days
from ml.watched import DAY, USER, Answers, DriftColumns, Score, Watched

POLICY = DriftPolicy()
COLUMNS = DriftColumns(numeric=["pages"], categorical=["device", "channel"])
LAST = date(2026, 3, 1)
CALENDAR = [LAST - timedelta(days=ago) for ago in range(49)]
DAYS: ComparedDays = compared_days(CALENDAR, LAST)


def _visits(seed: int = 1, per_day: int = 300) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    rows = per_day * len(CALENDAR)
    device = rng.choice(["desktop", "mobile"], rows, p=[0.6, 0.4])
    return pd.DataFrame(
        {
            DAY: rng.choice(np.array(CALENDAR), rows),
            USER: rng.integers(0, rows, rows).astype(str),
            "pages": rng.normal(np.where(device == "mobile", 3.0, 6.0), 2.0),
            "device": device,
            "channel": rng.choice(["search", "direct", "email", "social"], rows, p=[0.4, 0.3, 0.2, 0.1]),
        }
    )


def _is_new(visits: pd.DataFrame) -> NDArray[np.bool_]:
    return visits[DAY].isin(DAYS.window).to_numpy()


def _measured(visits: pd.DataFrame, answers: Answers | None = None) -> DriftReport:
    return measure(Watched(visits, COLUMNS, answers), DAYS, POLICY)


def _verdict(visits: pd.DataFrame, answers: Answers | None = None) -> Verdict:
    return judge(_measured(visits, answers), POLICY).verdict


def _score(frame: pd.DataFrame) -> NDArray[np.float64]:
    """A champion that has learnt how visitors answer, by their pages."""
    return np.asarray(1 / (1 + np.exp(3.0 - 0.4 * frame["pages"])), dtype=np.float64)


def _answers(visits: pd.DataFrame, times: float = 1.0, score: Score | None = _score) -> Answers:
    """Answers by the champion's own probability, that of the window so many times as high."""
    chance = _score(visits) * np.where(_is_new(visits), times, 1.0)
    return Answers(visits.assign(converts=np.random.default_rng(9).random(len(visits)) < chance), "converts", score)


@pytest.mark.parametrize("seed", range(3))
def test_a_week_like_the_ones_before_is_stable(seed: int) -> None:
    visits = _visits(seed)

    assert _verdict(visits, _answers(visits)) == Verdict.STABLE


def test_the_reports_pages_say_what_came_of_it(tmp_path: Path) -> None:
    visits = _visits()
    visits.loc[_is_new(visits), "pages"] += 1.0
    visits.loc[0, "channel"] = "<b>new</b>"

    report, verdict = report_on(Watched(visits, COLUMNS, _answers(visits)), DAYS, POLICY, tmp_path / "drift")

    page = (tmp_path / "drift" / drift.INDEX).read_text()
    assert verdict.verdict == Verdict.DRIFT
    assert "<h1>Drift</h1>" in page
    assert f'href="{drift.EVIDENTLY}"' in page
    assert "<b>new" not in page
    assert "champion" in (tmp_path / "drift" / drift.EVIDENTLY).read_text()
    # Evidently's indices, and those that the null distribution is of
    again = measure(Watched(visits, COLUMNS, _answers(visits)), DAYS, POLICY)
    assert [column.psi for column in report.columns] == pytest.approx([column.psi for column in again.columns])


def test_a_shifted_column_is_named() -> None:
    visits = _visits()
    visits.loc[_is_new(visits), "pages"] += 0.5

    verdict = judge(_measured(visits), POLICY)

    assert (verdict.verdict, verdict.drifted) == (Verdict.DRIFT, ("pages",))


def test_a_level_called_otherwise_is_no_drift() -> None:
    visits = _visits()
    visits.loc[_is_new(visits) & (visits["channel"] == "search"), "channel"] = "organic"

    report = _measured(visits, _answers(visits))

    assert judge(report, POLICY).verdict == Verdict.RELABELLING_SUSPECTED
    assert [(one.level, one.becomes) for one in report.relabelled] == [("search", "organic")]


def test_a_new_level_of_other_visitors_is_drift() -> None:
    visits = _visits()
    lost = _is_new(visits) & (visits["channel"] == "search")
    visits.loc[lost, ["channel", "device"]] = ["organic", "mobile"]

    assert _verdict(visits) == Verdict.DRIFT


def test_a_level_called_otherwise_beside_other_answers_is_a_label_shift() -> None:
    visits = _visits()
    answers = _answers(visits, times=2.0)
    visits.loc[_is_new(visits) & (visits["channel"] == "search"), "channel"] = "organic"

    assert _verdict(visits, answers) == Verdict.LABEL_SHIFT


@pytest.mark.parametrize("score", [None, _score])
def test_visitors_who_answer_otherwise_are_a_label_shift(score: Score | None) -> None:
    visits = _visits()

    report = _measured(visits, _answers(visits, times=1.5, score=score))

    assert judge(report, POLICY).verdict == Verdict.LABEL_SHIFT
    assert report.label_rate is not None
    assert report.label_rate.after > 1.3 * report.label_rate.before
    assert (report.calibration is None) == (score is None)


def test_scores_and_calibration_are_watched_beside_the_features() -> None:
    visits = _visits()

    names = {column.column for column in _measured(visits, _answers(visits)).columns}

    assert names == {*COLUMNS.names, SCORE, LABEL_RATE, CALIBRATION}


def test_answers_that_are_still_open_are_left_out_whatever_they_are() -> None:
    moments = pd.to_datetime(["2026-03-01 19:59", "2026-03-01 20:00", "2026-03-01 20:01"], utc=True)
    frame = pd.DataFrame({"event_timestamp": moments, DAY: "2026-03-01", "converts": [True, False, True]})

    settled = Answers.settled(frame, "converts", timedelta(hours=4), pd.Timestamp("2026-03-02", tz="UTC"), None)

    assert settled.frame["converts"].tolist() == [True, False]
    assert settled.frame[DAY].tolist() == [LAST, LAST]


def test_days_that_are_the_same_are_stable() -> None:
    day = _visits(per_day=7).drop(columns=DAY)
    visits = pd.concat([day.assign(**{DAY: on}) for on in CALENDAR], ignore_index=True)

    report = _measured(visits, Answers(visits.assign(converts=False), "converts", _score))

    assert {column.p_value for column in report.columns} == {1.0}
    assert judge(report, POLICY).verdict == Verdict.STABLE


def test_the_frames_are_left_as_they_were() -> None:
    visits = _visits()
    before = visits.copy()

    _measured(visits, _answers(visits))

    pd.testing.assert_frame_equal(visits, before)


@pytest.mark.parametrize("rows", [0, 1, 999])
def test_m12_few_rows_are_not_enough(rows: int, tmp_path: Path) -> None:
    visits = _visits()
    is_kept = ~_is_new(visits) | (_is_new(visits).cumsum() <= rows)

    report, verdict = report_on(Watched(visits[is_kept], COLUMNS), DAYS, POLICY, tmp_path)

    assert verdict.verdict == Verdict.NOT_ENOUGH_DATA
    assert report.current_rows == rows
    assert "Not enough data" in (tmp_path / drift.INDEX).read_text()
    assert not (tmp_path / drift.EVIDENTLY).exists()


@pytest.mark.parametrize("value", [None, 5.0])
def test_m12_a_week_without_values_or_with_one_alone_gives_no_alarm(value: float | None) -> None:
    visits = _visits()
    visits.loc[_is_new(visits), "pages"] = value

    report = _measured(visits)

    assert report.unmeasured == ("pages", SCORE, LABEL_RATE, CALIBRATION)
    assert "or a side holds one value or none: pages" in judge(report, POLICY).reason
    assert judge(report, POLICY).verdict == Verdict.STABLE


def test_m12_a_week_in_which_nothing_has_a_value_is_not_enough() -> None:
    visits = _visits()
    visits.loc[_is_new(visits), list(COLUMNS.names)] = None

    assert _verdict(visits) == Verdict.NOT_ENOUGH_DATA


def test_m12_a_level_never_seen_is_told_apart_and_gives_no_alarm_by_itself() -> None:
    visits = _visits()
    visits.loc[np.flatnonzero(_is_new(visits))[:40], "device"] = "fridge"

    report = _measured(visits)

    assert report.new_levels == {"device": {"fridge": pytest.approx(40 / report.current_rows)}}
    assert judge(report, POLICY).verdict == Verdict.STABLE
