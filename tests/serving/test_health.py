"""Readiness as a probe asks for it, while the Redis of live sessions is gone, hangs or is full."""

import shutil
import signal
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
import redis

from serving.live import Live
from serving.session_redis import SessionsInRedis
from tests.redis_server import PROGRAM, free_port, redis_process

pytestmark = pytest.mark.skipif(shutil.which(PROGRAM) is None, reason=f"{PROGRAM} is not installed")


class SessionsRedis:
    """A redis-server for live sessions that a test can do anything to."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.port = folder, free_port()
        self.url = f"redis://127.0.0.1:{self.port}/0"
        self._running = ExitStack()
        self.start()

    def start(self) -> None:
        self.server = self._running.enter_context(redis_process(self.folder, self.port))

    def stop(self) -> None:
        self.wake()
        self._running.close()

    def hang(self) -> None:
        self.server.send_signal(signal.SIGSTOP)

    def wake(self) -> None:
        self.server.send_signal(signal.SIGCONT)

    def fill(self) -> None:
        self._set_memory(1)

    def empty(self) -> None:
        self._set_memory(0)

    def _set_memory(self, most: int) -> None:
        with redis.Redis.from_url(self.url) as client:
            client.config_set("maxmemory", most)


@pytest.fixture
def kept(tmp_path: Path) -> Iterator[SessionsRedis]:
    kept = SessionsRedis(tmp_path)
    yield kept
    kept.stop()


@pytest.mark.parametrize(
    ("fault", "mended"),
    [
        pytest.param(SessionsRedis.stop, SessionsRedis.start, id="F16-gone"),
        pytest.param(SessionsRedis.hang, SessionsRedis.wake, id="F17-hangs"),
        pytest.param(SessionsRedis.fill, SessionsRedis.empty, id="full"),
    ],
)
def test_without_the_place_for_live_sessions_the_service_is_not_ready(
    services: Any,
    kept: SessionsRedis,
    fault: Callable[[SessionsRedis], None],
    mended: Callable[[SessionsRedis], None],
) -> None:
    client = services.start(live=Live(SessionsInRedis(kept.url)))
    assert client.get("/readyz").json()["dependencies"]["sessions"] == "ok"

    fault(kept)
    refused = client.get("/readyz")
    mended(kept)

    assert (refused.status_code, refused.json()["code"]) == (503, "E_SESSIONS_UNAVAILABLE")
    dependencies = refused.json()["dependencies"]
    assert dependencies.pop("sessions").startswith("Live sessions can't be read or kept: ")
    assert dependencies == {"audit": "ok", "popup_behaviour": "ok", "features": "ok"}
    assert client.get("/readyz").status_code == 200
