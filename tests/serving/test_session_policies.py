"""When sessions are scored: to the act, policy by policy."""

from typing import get_args

import pytest

from serving.requests import Event, SessionEvents
from serving.session_policies import DEFAULT, POLICIES, PolicyName
from serving.session_state import Session
from tactful.settings import Settings

BEGIN = 1_772_000_000_000_000
SECOND = 1_000_000


def scored_at(policy: str, seconds: list[float]) -> list[float]:
    """The acts, by their second, at which a session with acts at `seconds` is scored when each comes alone."""
    session, scored = Session(), []
    for second in seconds:
        time = BEGIN + round(second * SECOND)
        if session.take(SessionEvents("u", {}, (Event("scroll", time),)), time, POLICIES[policy], {}).moment:
            scored.append(second)
    return scored


@pytest.mark.parametrize(
    ("policy", "seconds", "expected"),
    [
        ("time_based", [0, 30, 59.999999, 60, 90, 600], [60]),
        ("time_based", [0, 30], []),
        ("interval", [0, 1, 4.999999, 5, 6, 9.999999, 10, 30, 34, 35], [5, 10, 30, 35]),
        ("interval", [0], []),
        ("batch_flag", [0, 1, 5, 60], [0]),
        ("sequential", [0, 1, 2, 3, 4], [1, 3]),
        ("sequential", [0], []),
    ],
)
def test_p4_to_p7_sessions_are_scored_at_exactly_these_acts(
    policy: str, seconds: list[float], expected: list[float]
) -> None:
    assert scored_at(policy, seconds) == expected


def test_only_the_policies_that_wait_for_no_exit_act_at_once() -> None:
    assert {name for name, policy in POLICIES.items() if policy.acts_at_once} == {"time_based", "interval"}


def test_each_policy_has_its_name_and_case_study_000_s_last_is_the_default() -> None:
    assert (set(POLICIES), DEFAULT) == (set(get_args(PolicyName)), "sequential")
    setting = Settings.model_fields["session_policy"]
    assert (set(get_args(setting.annotation)), setting.default) == (set(POLICIES), DEFAULT)
