"""What comes over one connection: in which order it is answered, and how much of it is taken."""

import json
import socket
from collections.abc import Iterator
from contextlib import closing, suppress

import pytest

from serving.connections import MOST_AHEAD, STUCK, Connection
from tests.serving.conftest import MOMENT, Services, served
from tests.serving.test_exchange import answers

GOOD = json.dumps({"user_pseudo_id": "known", "at": MOMENT}).encode()
ALIVE = b"GET /healthz HTTP/1.1\r\nhost: x\r\n\r\n"


class Running:
    """A service, and what is sent to it over one connection."""

    def __init__(self, services: Services) -> None:
        self.services = services
        self.server, self.port = services.running.enter_context(served(services.app()))

    def head(self, *more: str, key: bool = True) -> bytes:
        authorization = [f"authorization: Bearer {self.services.shop}"] if key else []
        return "\r\n".join(["POST /v1/decide HTTP/1.1", "host: x", *authorization, *more, "", ""]).encode()

    def good(self, body: bytes = GOOD) -> bytes:
        return self.head(f"content-length: {len(body)}") + body

    def statuses(self, sent: bytes, count: int) -> list[int]:
        return [int(answer.split()[1]) for answer in answers(self.port, sent, count)]


@pytest.fixture(scope="module")
def running(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    registry, open_store = (request.getfixturevalue(name) for name in ("registry", "open_store"))
    services = Services(tmp_path_factory.mktemp("service"), registry, open_store)
    with services.running:
        yield Running(services)


def test_a_trailer_is_no_header(running: Running) -> None:
    chunk = f"{len(GOOD):x}\r\n".encode() + GOOD + b"\r\n0\r\n"
    trailer = f"authorization: Bearer {running.services.shop}\r\n\r\n".encode()
    sent = running.head("transfer-encoding: chunked", key=False) + chunk + trailer

    assert running.statuses(sent, 1) == [401]


def test_of_many_requests_before_an_answer_the_first_are_answered_and_the_connection_ends(running: Running) -> None:
    statuses = running.statuses(ALIVE * 3 * MOST_AHEAD, 3 * MOST_AHEAD)

    assert statuses[-1] == 503
    assert set(statuses[:-1]) == {200}
    assert len(statuses) >= MOST_AHEAD


def test_a_head_behind_a_long_body_is_not_too_long(running: Running) -> None:
    profile = {"channel": "email", "pages_before": 3}
    long = b" " * 40_000 + json.dumps({"user_pseudo_id": "known", "at": MOMENT, "profile": profile}).encode()
    with closing(socket.create_connection(("127.0.0.1", running.port), 30)) as connection:
        connection.sendall(running.good(long) + running.good()[:30])
        first = connection.recv(65_536)
        connection.sendall(running.good()[30:])
        second = connection.recv(65_536)

    assert [answer.split()[1] for answer in (first, second)] == [b"200", b"200"]


@pytest.mark.parametrize("before", ["short", "long"])
def test_a_refusal_waits_for_the_answer_before_it(running: Running, before: str) -> None:
    first = running.good() if before == "short" else ALIVE

    assert running.statuses(first + b"this is no HTTP\r\n\r\n", 2) == [200, 400]


def test_who_goes_away_with_requests_unanswered_leaves_no_fault(
    running: Running, caplog: pytest.LogCaptureFixture
) -> None:
    for _ in range(20):
        with socket.create_connection(("127.0.0.1", running.port), 30) as connection:
            connection.sendall(running.good() * 3 + running.good()[:40])

    assert running.statuses(running.good(), 1) == [200]
    assert [record.getMessage() for record in caplog.records if record.levelname == "ERROR"] == []


def test_answers_that_are_never_read_are_not_piled_up(running: Running) -> None:
    state = running.server.server_state
    others = set(state.connections)
    refused = running.head("content-length: 2", key=False) + b"{}"
    with socket.create_connection(("127.0.0.1", running.port), 30) as connection:
        connection.sendall(refused)
        connection.recv(65_536)
        (held,) = (each for each in state.connections - others if isinstance(each, Connection))
        connection.settimeout(0.5)
        # until the service takes no more, or has hung up
        with suppress(TimeoutError, OSError):
            for _ in range(100):
                connection.sendall(refused * 1_000)
        piled_up = held.transport.get_write_buffer_size()

    assert piled_up < 1 << 20


def test_an_answer_that_is_never_read_is_given_up(running: Running) -> None:
    state = running.server.server_state
    others = set(state.connections)
    with socket.create_connection(("127.0.0.1", running.port), 30) as connection:
        connection.sendall(ALIVE)
        connection.recv(65_536)
        (held,) = (each for each in state.connections - others if isinstance(each, Connection))
        sent = state.total_requests
        while not held.flow.write_paused:
            # one after the other is answered, and none is read
            if state.total_requests >= sent:
                connection.sendall(b"GET /openapi.json HTTP/1.1\r\nhost: x\r\n\r\n")
                sent += 1
        held.loop.call_soon_threadsafe(held.end_if_late, held.loop.time() + STUCK)

        with suppress(ConnectionResetError):
            # what lies in between is read, and then nothing more comes
            while connection.recv(1 << 20):
                pass
    assert held.transport.is_closing()
