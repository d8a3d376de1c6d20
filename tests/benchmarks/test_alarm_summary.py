"""Judged windows, as literal rows."""

from benchmarks.alarm_summary import Judged, summary

ROWS = [
    *(Judged("nothing", 1, 0, week, verdict, 0.5, 0.05) for week, verdict in enumerate(["stable"] * 3 + ["drift"])),
    *(Judged("abrupt", 1, case, week, "drift" if week else "stable", 0.001, 0.3) for case in (0, 1) for week in (0, 1)),
    *(Judged("gradual", 1, 0, week, verdict, 0.1, 0.15) for week, verdict in enumerate(["stable", *["drift"] * 4])),
    *(Judged("season_peak", 1, 0, 0, verdict, 0.1, 0.15) for verdict in ("stable", "label_shift", "not_enough_data")),
    Judged("season_peak_not_declared", 1, 0, 0, "drift", 0.001, 0.15),
    *(Judged("relabelled", 1, 0, 0, verdict, 0.1, 0.25) for verdict in ("relabelling_suspected", "drift")),
]


def test_shares_are_of_the_windows_that_they_are_about() -> None:
    found = summary(ROWS)

    assert (found["false_alarms"]["share"], found["false_alarms"]["of"]) == (0.25, 4)
    assert found["abrupt_caught_in_first_window"]["share"] == 0
    assert found["abrupt_caught_within_two_windows"] | {"low": 0, "high": 0} == {
        "share": 1.0,
        "low": 0,
        "high": 0,
        "of": 2,
    }
    assert found["gradual_caught_by_week"]["2"]["share"] == 1
    assert found["gradual_asks_for_retraining_within_weeks"]["3"]["share"] == 1


def test_what_asks_for_retraining_is_no_success_and_what_can_t_be_judged_is_not_counted() -> None:
    found = summary(ROWS)

    assert (found["season_not_called_drift"]["share"], found["season_not_called_drift"]["of"]) == (0.5, 2)
    assert found["season_not_declared_not_called_drift"]["share"] == 0
    assert found["relabelling_not_called_drift"]["share"] == found["relabelling_suspected"]["share"] == 0.5
