"""A service that is killed or told to end while it is asked: what was answered is on record, and once."""

import random
import signal
import socket
import sqlite3
import threading
import time
from collections.abc import Iterator
from contextlib import closing, suppress
from pathlib import Path

import httpx
import pytest

from serving import main
from tactful.settings import Settings
from tests.faults.killing import Nursery
from tests.service_process import running

SERVE = """
import socket
from tactful.settings import Settings
from serving import server
from serving.main import create_app_from_settings

def work(home, port):
    with socket.create_server(("127.0.0.1", int(port))) as listening:
        server.run(create_app_from_settings(Settings(home=home)), listening)
"""
KILLS = 25
VISITORS = 4


@pytest.fixture
def nursery() -> Iterator[Nursery]:
    nursery = Nursery(SERVE)
    yield nursery
    nursery.close()


@pytest.fixture
def home(tmp_path: Path) -> Path:
    main.create_app_from_settings(Settings(home=tmp_path))
    return tmp_path


class Visitor(threading.Thread):
    """Asks without end, each time under a key of its own, and again under the same one until there is an answer."""

    def __init__(self, home: Path, port: int, number: int) -> None:
        super().__init__(daemon=True)
        token = (home / "decisions" / "local.key").read_text()
        self.headers = {"authorization": f"Bearer {token}"}
        self.address = f"http://127.0.0.1:{port}"
        self.number = number
        self.answered: dict[str, str] = {}
        """The decision of each key that had an answer."""
        self.refused: list[int] = []
        self.stopped = threading.Event()

    def run(self) -> None:
        while not self.stopped.is_set():
            with suppress(httpx.TransportError), httpx.Client(base_url=self.address, timeout=10) as client:
                while not self.stopped.is_set():
                    self._ask(client)
            time.sleep(0.01)

    def _ask(self, client: httpx.Client) -> None:
        key = f"{self.number}-{len(self.answered)}"
        answer = client.post(
            "/v1/decide", json={"user_pseudo_id": key}, headers={**self.headers, "idempotency-key": key}
        )
        if answer.status_code == 200:
            self.answered[key] = answer.json()["decision_id"]
        else:
            self.refused.append(answer.status_code)


def on_record(home: Path) -> dict[str, str]:
    """The decision of each visitor on record, of which there are no two."""
    with closing(sqlite3.connect(home / "decisions" / "decisions.sqlite")) as record:
        assert record.execute("pragma integrity_check").fetchone() == ("ok",)
        rows = record.execute("select user_pseudo_id, decision_id from decisions").fetchall()
    assert len(rows) == len(dict(rows))
    return dict(rows)


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as free:
        return int(free.getsockname()[1])


def test_f10_what_was_answered_before_each_of_25_kills_is_on_record_once(home: Path, nursery: Nursery) -> None:
    moments, port = random.Random(10), free_port()
    visitors = [Visitor(home, port, number) for number in range(VISITORS)]
    for visitor in visitors:
        visitor.start()
    for _ in range(KILLS):
        before = sum(len(visitor.answered) for visitor in visitors)
        service = nursery.begin(str(home), str(port))
        while sum(len(visitor.answered) for visitor in visitors) == before:
            assert not service.has_ended(0.01)
        service.killed(moments.uniform(0, 0.1))
    for visitor in visitors:
        visitor.stopped.set()
    for visitor in visitors:
        visitor.join()

    answered = {key: decision for visitor in visitors for key, decision in visitor.answered.items()}
    recorded = on_record(home)
    assert {key: recorded.get(key) for key in answered} == answered
    # of what was not answered, no visitor had more than one request
    assert len(recorded) <= len(answered) + VISITORS
    assert [visitor.refused for visitor in visitors] == [[]] * VISITORS


@pytest.mark.parametrize(
    "signals",
    [
        pytest.param([signal.SIGTERM], id="F11"),
        pytest.param([signal.SIGTERM, signal.SIGTERM], id="F12-twice"),
        pytest.param([signal.SIGINT, signal.SIGINT], id="F12-interrupted-twice"),
    ],
)
def test_a_service_that_is_told_to_end_does_so_in_time_and_leaves_no_answer_off_the_record(
    home: Path, signals: list[signal.Signals]
) -> None:
    with running(home) as service:
        assert service.client.get("/healthz").status_code == 200
        visitors = [Visitor(home, service.port, number) for number in range(VISITORS)]
        for visitor in visitors:
            visitor.start()
        while not all(len(visitor.answered) > 3 for visitor in visitors):
            time.sleep(0.01)
        # neither of these keeps it from ending
        idle, slow = (socket.create_connection(("127.0.0.1", service.port)) for _ in range(2))
        slow.sendall(b"POST /v1/decide HTTP/1.1\r\n")
        for number in signals:
            service.process.send_signal(number)
        code = service.process.wait(timeout=10)
    for visitor in visitors:
        visitor.stopped.set()
    for visitor in visitors:
        visitor.join()
    idle.close()
    slow.close()

    answered = {key: decision for visitor in visitors for key, decision in visitor.answered.items()}
    recorded = on_record(home)
    assert code == 0
    assert {key: recorded.get(key) for key in answered} == answered
    assert {status for visitor in visitors for status in visitor.refused} <= {503}
    assert "Traceback" not in (home / "service.log").read_text()
