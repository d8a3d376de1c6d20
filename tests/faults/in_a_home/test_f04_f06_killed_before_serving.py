"""Runs killed in a validation and while they write online: nothing is taken for done that is not, until it is done."""

import random

import dagster as dg
import pytest

from tactful.settings import Settings
from tactful.source import source_of
from tests.faults.killing import Jobs, OnRecord

KILLS, SEED = 3, 7
OFFLINE, ONLINE, SERVED = "feature_store/user_features", "online_store/user_features", "live_decision"
VALIDATED, PARITY = "user_features_meet_expectations", "online_equals_offline"


@pytest.mark.parametrize(
    ("step", "check", "why"),
    [
        pytest.param(
            f"{OFFLINE.replace('/', '__')}_{VALIDATED}",
            VALIDATED,
            f"{VALIDATED} of {OFFLINE} has told nothing since run {{}} built it",
            id="F04",
        ),
        pytest.param(ONLINE.replace("/", "__"), PARITY, f"{ONLINE} was not built by run {{}}, which was to", id="F06"),
    ],
)
def test_what_a_killed_run_left_undone_stops_what_depends_on_it_until_it_is_done(
    lived_in: Settings, jobs: Jobs, step: str, check: str, why: str
) -> None:
    moments, caught = random.Random(SEED), []

    for _ in range(KILLS):
        killed = jobs.build(OFFLINE, ONLINE)
        killed.killed_in(step, moments.uniform(0, 0.4))
        found = OnRecord.of(lived_in, killed)
        if check not in found.told:
            assert ONLINE not in found.built
            caught.append(killed)
    assert caught
    refused = jobs.build(SERVED)
    run = f"{killed.run_id[:8]} of {source_of(lived_in).last}"
    assert refused.failures() == [f"{why.format(run)}: build it again, as `tactful backfill` does with days."]
    assert OnRecord.of(lived_in, refused).built == {}
    assert {OnRecord.of(lived_in, run).status for run in caught} == {dg.DagsterRunStatus.FAILURE}

    again = jobs.build(OFFLINE, ONLINE)
    assert again.failures() == []
    assert OnRecord.of(lived_in, again).told == {VALIDATED, PARITY}
    assert jobs.build(SERVED).failures() == []
