"""Sensors that fail, evaluated as Dagster's daemon does, and what is told of them."""

import logging
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import dagster as dg
import pytest
from dagster._core.remote_origin import InProcessCodeLocationOrigin
from dagster._core.test_utils import create_test_daemon_workspace_context, freeze_time
from dagster._core.types.loadable_target_origin import LoadableTargetOrigin
from dagster._core.workspace.load_target import InProcessWorkspaceLoadTarget
from dagster._daemon.sensor import execute_sensor_iteration
from pydantic import SecretStr

from tactful.notices import NoticeError
from tactful.settings import Settings
from tests.notice_server import Receiver, receiver

MORNING = datetime(2026, 1, 19, 9, tzinfo=UTC)
SENSORS = """
from pathlib import Path

import dagster as dg

ON = dg.DefaultSensorStatus.RUNNING

@dg.job
def bill(): ...

@dg.sensor(job=bill, default_status=ON)
def bill_at_the_bell():
    if Path(__file__).with_name("silent").exists():
        raise ValueError("from within") from OSError("The bell is broken.")

@dg.sensor(job=bill, default_status=ON)
def bill_when_asked(): ...

defs = dg.Definitions(jobs=[bill], sensors=[bill_at_the_bell, bill_when_asked])
"""

Ring = Callable[[datetime], None]


@pytest.fixture
def instance() -> Iterator[dg.DagsterInstance]:
    with dg.instance_for_test() as instance:
        yield instance


@pytest.fixture
def heard(monkeypatch: pytest.MonkeyPatch) -> Iterator[Receiver]:
    """A webhook that notices go to."""
    from orchestration import sensors

    with receiver() as heard:
        monkeypatch.setattr(sensors, "SETTINGS", Settings(notify=SecretStr(heard.url)))
        yield heard


@pytest.fixture
def bell(tmp_path: Path) -> Path:
    """A file that is there while a sensor fails."""
    silent = tmp_path / "silent"
    silent.touch()
    return silent


@pytest.fixture
def ring(instance: dg.DagsterInstance, tmp_path: Path, bell: Path) -> Ring:
    """Has Dagster's daemon evaluate both sensors at a time."""
    module = tmp_path / "sensors_of_a_shop.py"
    module.write_text(SENSORS)
    where = InProcessCodeLocationOrigin(LoadableTargetOrigin(python_file=str(module)), location_name="shop")

    def ring(at: datetime) -> None:
        logger = logging.getLogger("dagster.daemon")
        target = InProcessWorkspaceLoadTarget([where])
        with freeze_time(at), create_test_daemon_workspace_context(target, instance) as workspace:
            for error in execute_sensor_iteration(workspace, logger, None, None):
                assert error is None or "The bell is broken." in str(error)

    return ring


def _look(instance: dg.DagsterInstance) -> str | None:
    from orchestration.sensors import notify_on_failed_ticks

    return notify_on_failed_ticks.evaluate_tick(dg.build_sensor_context(instance=instance)).skip_message


def test_a_sensor_that_fails_is_told_of_once_a_day_while_it_fails(
    instance: dg.DagsterInstance, ring: Ring, heard: Receiver
) -> None:
    for at in (MORNING, MORNING + timedelta(minutes=5)):
        ring(at)
        assert _look(instance) == "bill_at_the_bell fails"
    assert [(told["title"], told["message"], told["type"]) for told in heard.told] == [
        ("The sensor bill_at_the_bell failed", "OSError: The bell is broken.", "failure")
    ]

    ring(MORNING + timedelta(days=1))
    _look(instance)

    assert len(heard.told) == 2


def test_what_fails_no_longer_is_not_told_of(
    instance: dg.DagsterInstance, ring: Ring, heard: Receiver, bell: Path
) -> None:
    ring(MORNING)
    bell.unlink()
    ring(MORNING + timedelta(minutes=5))

    assert _look(instance) == "No tick has failed."
    assert heard.told == []


def test_a_failed_tick_that_nobody_could_be_told_of_is_told_at_the_next_look(
    instance: dg.DagsterInstance, ring: Ring, heard: Receiver
) -> None:
    ring(MORNING)
    heard.is_refusing = True
    with pytest.raises(NoticeError):
        _look(instance)

    heard.is_refusing = False
    _look(instance)

    assert len(heard.told) == 1
