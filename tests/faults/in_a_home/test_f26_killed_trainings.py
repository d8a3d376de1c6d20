"""Runs of a home killed in dbt, in a validation and in a training: what stood there stands, or is built to the same."""

import json
import random
import shutil
from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path
from tempfile import TemporaryDirectory

import dagster as dg
import duckdb
import pytest

from ml import segment_bundle
from ml.registry import Registry
from ml.versions import ChampionVersion
from tactful import home, settings
from tactful.settings import Settings
from tactful.source import source_of
from tests.conftest import Ran
from tests.faults.killing import RunningJob

# MLflow warns of a type hint of its own when it is imported
pytestmark = pytest.mark.filterwarnings("ignore:.*Any type hint is inferred")

SEED = 7


@pytest.fixture(scope="module")
def lived_in(ran: Ran, tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """A copy of the run's home."""
    folder = tmp_path_factory.mktemp("killed") / "home"
    shutil.copytree(ran.home, folder)
    copied = Settings(_env_file=folder / settings.REMEMBERED, home=folder)
    home.prepare(copied)
    return copied


def _job(lived_in: Settings, job: str, days: int = 3) -> RunningJob:
    last = source_of(lived_in).last
    return RunningJob(lived_in, job, last - timedelta(days=days - 1), last)


def _champion(lived_in: Settings) -> ChampionVersion:
    """The champion of the segments, which loads."""
    registry = Registry.of(lived_in)
    champion = registry.champion("user_segments")
    assert champion is not None
    with TemporaryDirectory() as folder:
        bundle = registry.download_bundle(champion.name, champion.version, Path(folder))
        segment_bundle.read(bundle, champion.digest)
    return champion


def test_f26_a_training_that_is_killed_leaves_the_champion_whole(lived_in: Settings) -> None:
    before = _champion(lived_in)

    _job(lived_in, "recluster", days=1).killed_in("user_segments", random.Random(SEED).uniform(0, 4))

    assert _champion(lived_in) == before


def _tables(warehouse: Path) -> Mapping[str, object]:
    """Of each table, how many rows it holds, and a number made of all of them but for when they were known."""
    with duckdb.connect(str(warehouse), read_only=True) as connection:
        columns: dict[str, list[str]] = {}
        for table, name, kind in connection.execute(
            "select table_name, column_name, data_type from duckdb_columns() "
            "where schema_name = 'tactful' and column_name <> 'known_at' order by table_name, column_index"
        ).fetchall():
            columns.setdefault(table, []).append(f"round({name}, 6)" if kind == "DOUBLE" else name)
        told = "select count(*), bit_xor(hash(row({}))) from tactful.{}"
        return {
            table: connection.execute(told.format(", ".join(names), table)).fetchone()
            for table, names in columns.items()
        }


def test_f02_f03_f04_what_was_killed_in_dbt_is_built_to_the_same_and_nothing_builds_on_what_was_not_validated(
    ran: Ran, lived_in: Settings
) -> None:
    warehouse = lived_in.home / "warehouse.duckdb"
    wanted = _tables(ran.home / "warehouse.duckdb")
    stages = json.loads((ran.home / "reports" / "summary.json").read_text())["stages"]
    (seconds,) = (stage["seconds"] for stage in stages if stage["name"] == "warehouse")

    _job(lived_in, "features").killed_in("warehouse", random.Random(SEED).uniform(0, seconds / 2))
    with duckdb.connect(str(warehouse)) as connection:
        assert connection.execute("select count(*) from tactful.stg_ga4__events").fetchone()
    validated = _job(lived_in, "features")
    validated.killed_in("feature_store__user_features_user_features_meet_expectations")

    assert _tables(warehouse) == wanted
    refused = _job(lived_in, "recluster", days=1)
    (told, *others) = refused.failures()
    assert told == (
        "user_features_meet_expectations of feature_store/user_features has told nothing since run "
        f"{validated.run_id[:8]} built it: build it again before what depends on it."
    )
    assert others == []
    with dg.DagsterInstance.from_config(str(lived_in.home / "dagster")) as instance:
        built = instance.all_logs(refused.run_id, of_type=dg.DagsterEventType.ASSET_MATERIALIZATION)
        assert list(built) == []
        killed = instance.get_run_by_id(validated.run_id)
        assert killed is not None
        assert killed.status == dg.DagsterRunStatus.FAILURE
