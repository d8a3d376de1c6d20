"""Trainings that are killed, as for want of memory: the champion stands, their runs failed, and the next one trains."""

import random
from pathlib import Path
from tempfile import TemporaryDirectory

import dagster as dg
import pytest

from ml import segment_bundle
from ml.registry import Registry
from ml.versions import ChampionVersion
from tactful.settings import Settings
from tests.faults.killing import Jobs, OnRecord

# MLflow warns of a type hint of its own when it is imported
pytestmark = pytest.mark.filterwarnings("ignore:.*Any type hint is inferred")

KILLS, SEED = 3, 7


def _champion(lived_in: Settings) -> ChampionVersion:
    """The champion of the segments, which loads."""
    registry = Registry.of(lived_in)
    champion = registry.champion("user_segments")
    assert champion is not None
    with TemporaryDirectory() as folder:
        bundle = registry.download_bundle(champion.name, champion.version, Path(folder))
        segment_bundle.read(bundle, champion.digest)
    return champion


def test_f26_a_training_that_is_killed_leaves_the_champion_whole_and_its_run_failed(
    lived_in: Settings, jobs: Jobs
) -> None:
    before, moments = _champion(lived_in), random.Random(SEED)

    killed = []
    for _ in range(KILLS):
        killed.append(jobs.build("user_segments"))
        killed[-1].killed_in("user_segments", moments.uniform(0, 4))
        assert _champion(lived_in) == before

    assert jobs.build("user_segments").failures() == []
    assert {OnRecord.of(lived_in, run).status for run in killed} == {dg.DagsterRunStatus.FAILURE}
