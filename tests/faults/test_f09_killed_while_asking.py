"""Killed while a sensor asks for retraining: a window asks for it once at most, and in the end once."""

import random
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import closing
from pathlib import Path

import dagster as dg
import pytest
from dagster._core.scheduler.instigation import SensorInstigatorData, TickStatus

from tactful import home
from tactful.settings import Settings
from tests.conftest import PROJECT

KILLS, SEED = 4, 7
WINDOWS = ("2026-01-05 to 2026-01-11", "2026-01-12 to 2026-01-18")

# what Dagster's daemon does of sensors, once
ASK = """
import logging, sys
import dagster as dg
from dagster._core.workspace.context import WorkspaceProcessContext
from dagster._core.workspace.load_target import GrpcServerTarget
from dagster._daemon.sensor import execute_sensor_iteration

server = GrpcServerTarget(host="localhost", port=int(sys.argv[1]), socket=None, location_name="tactful")
with dg.DagsterInstance.get() as instance, WorkspaceProcessContext(instance, server) as workspace:
    print("ready", flush=True)
    list(execute_sensor_iteration(workspace, logging.getLogger("sensors"), None, None))
"""


@pytest.fixture
def environment(manifest: Path, tmp_path: Path) -> Mapping[str, str]:
    """That of a home whose last two windows have drifted."""
    settings = Settings(home=tmp_path / "home")
    home.prepare(settings)
    with dg.DagsterInstance.from_config(str(settings.home / "dagster")) as instance:
        for window in WINDOWS:
            metadata = {"verdict": "drift", "reason": "3 of 20 columns reach 0.2.", "window": window}
            instance.report_runless_asset_event(dg.AssetMaterialization("feature_drift", metadata=metadata))
    return home.environment(settings)


@pytest.fixture
def port(environment: Mapping[str, str], tmp_path: Path) -> Iterator[int]:
    """Where a server of the definitions listens, as Dagster's daemon starts one."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    command = ["-m", "dagster", "api", "grpc", "-p", str(port), "-h", "127.0.0.1", "-m", "orchestration.definitions"]
    with (tmp_path / "server.log").open("wb") as log:
        server = subprocess.Popen([sys.executable, *command], env=environment, cwd=PROJECT, stdout=log, stderr=log)
    while not _answers(port):
        assert server.poll() is None, (tmp_path / "server.log").read_text()[-2000:]
        time.sleep(0.1)
    yield port
    server.kill()
    server.wait()


def _answers(port: int) -> bool:
    with closing(socket.socket()) as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def _ask(environment: Mapping[str, str], port: int, seconds: float | None) -> int:
    """Have the sensors asked once by a process that is killed after so many seconds of it; returns its exit code."""
    asking = subprocess.Popen(
        [sys.executable, "-c", ASK, str(port)], env=environment, cwd=PROJECT, stdout=subprocess.PIPE, text=True
    )
    assert asking.stdout is not None
    assert asking.stdout.readline() == "ready\n"
    try:
        asking.wait(seconds)
    except subprocess.TimeoutExpired:
        asking.kill()
    asking.stdout.close()
    return asking.wait()


def test_f09_a_window_asks_for_retraining_once_however_often_the_asking_is_killed(
    environment: Mapping[str, str], port: int
) -> None:
    moments = random.Random(SEED)

    for _ in range(KILLS):
        assert _ask(environment, port, moments.uniform(0, 1.5)) in (0, -signal.SIGKILL)
        assert len(_asked(environment)) <= 1
        _let_a_minute_pass(environment)

    assert _ask(environment, port, None) == 0
    (run,) = _asked(environment)
    assert run.tags["tactful/window"] == WINDOWS[-1]
    assert _failed_ticks(environment) == []


def _asked(environment: Mapping[str, str]) -> list[dg.DagsterRun]:
    with dg.DagsterInstance.from_config(environment["DAGSTER_HOME"]) as instance:
        return list(instance.get_runs(dg.RunsFilter(job_name="retrain")))


def _failed_ticks(environment: Mapping[str, str]) -> list[str]:
    """Which sensors ended with an error when they were asked."""
    with dg.DagsterInstance.from_config(environment["DAGSTER_HOME"]) as instance:
        return [
            f"{state.instigator_name}: {tick.error}"
            for state in instance.all_instigator_state()
            for tick in instance.get_ticks(state.instigator_origin_id, state.selector_id)
            if tick.status == TickStatus.FAILURE
        ]


def _let_a_minute_pass(environment: Mapping[str, str]) -> None:
    """Dagster asks a sensor once a minute, and notes when it did last."""
    with dg.DagsterInstance.from_config(environment["DAGSTER_HOME"]) as instance:
        for state in instance.all_instigator_state():
            data = state.instigator_data
            if isinstance(data, SensorInstigatorData):
                earlier = data._replace(last_tick_timestamp=0.0, last_tick_start_timestamp=0.0)
                instance.update_instigator_state(state.with_data(earlier))
