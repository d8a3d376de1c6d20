"""The drill in small: windows of one shop, judged by the alarm that the platform has."""

import pytest

from benchmarks.alarm import Alarm, alarm_of, learn, seasons, steps
from benchmarks.alarm_summary import Judged


@pytest.fixture(scope="module")
def alarm(manifest: object) -> Alarm:
    """The alarm, with a champion of another shop."""
    return alarm_of(learn(weeks=10))


@pytest.fixture(scope="module")
def told(alarm: Alarm) -> dict[tuple[str, int], Judged]:
    """What came of the first windows of each kind."""
    return {(one.kind, one.week): one for one in steps(alarm, seed=3, cases=1)}


def test_a_week_in_which_nothing_happens_is_stable(told: dict[tuple[str, int], Judged]) -> None:
    assert told["nothing", 0].verdict == "stable"


def test_a_turn_is_drift_in_its_first_week(told: dict[tuple[str, int], Judged]) -> None:
    assert told["abrupt", 0].verdict == "drift"


def test_a_channel_with_another_name_is_suspected(told: dict[tuple[str, int], Judged]) -> None:
    assert told["relabelled", 0].verdict == "relabelling_suspected"


def test_a_turn_over_three_weeks_is_drift_by_its_second(told: dict[tuple[str, int], Judged]) -> None:
    assert told["gradual", 1].verdict == "drift"


def test_a_season_s_peak_is_no_drift_once_it_is_declared(alarm: Alarm) -> None:
    verdicts: dict[str, list[str]] = {}
    for one in seasons(alarm, seed=3):
        verdicts.setdefault(one.kind, []).append(str(one.verdict))

    assert verdicts["season_peak_not_declared"] == ["drift"] * 3
    # one window in a hundred alarms by chance
    assert len(verdicts["season_peak"]) == 12
    assert verdicts["season_peak"].count("drift") <= 1
