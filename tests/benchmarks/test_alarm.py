"""The drill in small: windows of one shop, judged by the alarm that the platform has."""

import pytest

from benchmarks.alarm import Alarm, alarm_of, learn, steps
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
