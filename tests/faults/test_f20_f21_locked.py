"""Databases that another process holds: what writes to them waits, and nothing is on record that did not happen."""

from pathlib import Path

import dagster as dg
import pytest

from ml.registry import Registry
from tactful.settings import Settings
from tests.faults.locking import held_for

# MLflow warns of a type hint of its own when it is imported
pytestmark = pytest.mark.filterwarnings("ignore:.*Any type hint is inferred")

LONG, SHORT = 6.0, 2.0
"""Seconds: longer than SQLite waits where nobody tells it to, and shorter."""


def test_f20_a_registry_that_is_locked_is_waited_for(tmp_path: Path) -> None:
    registry = Registry.of(Settings(home=tmp_path))
    experiment = registry.ensure()

    with held_for(tmp_path / "mlflow" / "mlflow.db", LONG) as is_held:
        run = registry._client().create_run(experiment)
        assert not is_held()

    assert registry._client().get_run(run.info.run_id).info.status == "RUNNING"


@dg.asset
def orders() -> None: ...


@pytest.mark.parametrize(("database", "seconds"), [("history/runs/index.db", LONG), ("history/runs.db", SHORT)])
def test_f21_an_event_log_that_is_locked_is_waited_for_and_holds_what_happened(
    tmp_path: Path, database: str, seconds: float
) -> None:
    log = {
        "module": "orchestration.event_log",
        "class": "KeptSqliteEventLogStorage",
        "config": {"base_dir": str(tmp_path / "history" / "runs")},
    }
    with dg.instance_for_test(overrides={"event_log_storage": log}, temp_dir=str(tmp_path)) as instance:
        dg.materialize([orders], instance=instance)

        with held_for(tmp_path / database, seconds) as is_held:
            again = dg.materialize([orders], instance=instance, raise_on_error=False)
            assert not is_held()

        newest = instance.get_latest_materialization_event(orders.key)
        assert again.success
        assert newest is not None
        assert newest.run_id == again.run_id
        assert [run.status for run in instance.get_runs()] == [dg.DagsterRunStatus.SUCCESS] * 2
