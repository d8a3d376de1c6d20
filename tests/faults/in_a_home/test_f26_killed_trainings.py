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
SEGMENTS = "user_segments"


def _champion(lived_in: Settings) -> ChampionVersion:
    """The champion of the segments, which loads."""
    registry = Registry.of(lived_in)
    champion = registry.champion(SEGMENTS)
    assert champion is not None
    with TemporaryDirectory() as folder:
        bundle = registry.download_bundle(champion.name, champion.version, Path(folder))
        segment_bundle.read(bundle, champion.digest)
    return champion


def _length(lived_in: Settings) -> float:
    """The seconds that the training took in the main job."""
    with dg.DagsterInstance.from_config(str(lived_in.home / "dagster")) as instance:
        stats = [stat for run in instance.get_runs() for stat in instance.get_run_step_stats(run.run_id, [SEGMENTS])]
    return max(stat.end_time - stat.start_time for stat in stats if stat.start_time and stat.end_time)


def test_f26_a_training_that_is_killed_leaves_the_champion_whole_and_its_run_failed(
    lived_in: Settings, jobs: Jobs
) -> None:
    before, length, moments = _champion(lived_in), _length(lived_in), random.Random(SEED)

    killed = []
    for _ in range(KILLS):
        run = jobs.build(SEGMENTS)
        run.killed_in(SEGMENTS, moments.uniform(0, 0.6) * length)
        if SEGMENTS in OnRecord.of(lived_in, run).built:
            # on a machine that is idler than it was, a training ends before its time
            before = _champion(lived_in)
        else:
            assert _champion(lived_in) == before
            killed.append(run)
    assert killed

    assert jobs.build(SEGMENTS).failures() == []
    assert {OnRecord.of(lived_in, run).status for run in killed} == {dg.DagsterRunStatus.FAILURE}
