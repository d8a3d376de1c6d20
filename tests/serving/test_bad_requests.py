"""Bad requests at a real service's socket; the ids are those of the table of bad inputs."""

import gzip
import http.client
import json
import socket
import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.service_process import Service, running

GOOD = b'{"user_pseudo_id": "1.1"}'
MOST = 300
ATTACKER = "127.0.0.2"
NOW = 1_772_000_000_000_000
SQL = "'; drop table decisions; --"


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("home")


@pytest.fixture(scope="module")
def service(home: Path) -> Iterator[Service]:
    with running(home, MOST) as service:
        assert service.client.get("/healthz").status_code == 200
        yield service


@pytest.fixture
def unchanged(home: Path, service: Service) -> Iterator[None]:
    """Nothing is put on record meanwhile, and the service goes on."""
    before = rows(home)
    yield
    assert rows(home) == before
    assert service.client.post("/v1/decide", content=GOOD).status_code == 200


def rows(home: Path) -> int:
    file = home / "decisions" / "decisions.sqlite"
    with closing(sqlite3.connect(file)) as record:
        return int(record.execute("select count(*) from decisions").fetchone()[0])


def head(service: Service, *lines: str, method: str = "POST", path: str = "/v1/decide") -> bytes:
    key = service.client.headers["authorization"]
    return "\r\n".join([f"{method} {path} HTTP/1.1", "host: x", f"authorization: {key}", *lines, "", ""]).encode()


@contextmanager
def connected(service: Service, source: str = "127.0.0.1") -> Iterator[socket.socket]:
    with socket.create_connection(("127.0.0.1", service.port), 30, (source, 0)) as connection:
        yield connection


def answer(connection: socket.socket) -> tuple[int, Any]:
    with http.client.HTTPResponse(connection) as response:
        response.begin()
        return response.status, json.loads(response.read() or b"null")


def event(number: int) -> dict[str, Any]:
    return {"event_name": "scroll", "event_timestamp": NOW - number}


@pytest.mark.parametrize(
    ("content", "headers", "status", "code"),
    [
        pytest.param(b"", {}, 400, "E_JSON", id="R01-empty"),
        pytest.param(GOOD[:-1], {}, 400, "E_JSON", id="R01-truncated"),
        pytest.param(GOOD + b"x", {}, 400, "E_JSON", id="R01-trailing"),
        pytest.param(b"\xef\xbb\xbf" + GOOD, {}, 400, "E_JSON", id="R01-byte-order-mark"),
        pytest.param(GOOD, {"content-type": "text/plain"}, 415, "E_CONTENT", id="R02-text"),
        pytest.param(GOOD, {"content-type": "application/x-www-form-urlencoded"}, 415, "E_CONTENT", id="R02-form"),
        pytest.param(gzip.compress(b" " * 2**20), {"content-encoding": "gzip"}, 415, "E_CONTENT", id="R02-gzip-bomb"),
        pytest.param(GOOD + b" " * 256 * 1024, {}, 413, "E_BODY_TOO_LARGE", id="R03"),
        pytest.param(b'{"user_pseudo_id": null}', {}, 422, "E_FIELD", id="R04"),
        pytest.param(b'{"user_pseudo_id": "1.1", "at": 1e999}', {}, 422, "E_FIELD", id="R05"),
        pytest.param(b'{"user_pseudo_id": "1.1", "x": 1}', {}, 422, "E_FIELD", id="R06-unknown"),
        pytest.param(b'{"user_pseudo_id": "1.1", "user_pseudo_id": "1.2"}', {}, 422, "E_FIELD", id="R06-doubled"),
        pytest.param(b"[" * 5000 + b"]" * 5000, {}, 400, "E_JSON", id="R07-lists"),
        pytest.param(b'{"a":' * 5000 + b"1" + b"}" * 5000, {}, 400, "E_JSON", id="R07-objects"),
        pytest.param(GOOD[:-1] + b', "profile": {"a": ' + b"[" * 5000, {}, 400, "E_JSON", id="R07-without-end"),
        pytest.param(b'{"user_pseudo_id": "\xff"}', {}, 400, "E_JSON", id="R08-invalid-utf-8"),
        pytest.param(
            json.dumps({"user_pseudo_id": "1.1", "events": [event(n) for n in range(501)]}).encode(),
            {},
            413,
            "E_TOO_MANY_EVENTS",
            id="R09-501-events",
        ),
        pytest.param(
            json.dumps({"user_pseudo_id": "1.1", "events": [event(n) for n in range(10_000)]}).encode(),
            {},
            413,
            "E_BODY_TOO_LARGE",
            id="R09-10000-events",
        ),
        pytest.param(GOOD, {"authorization": ""}, 401, "E_KEY", id="R10-no-key"),
    ],
)
@pytest.mark.usefixtures("unchanged")
def test_what_is_wrong_with_a_request_is_told(
    service: Service, content: bytes, headers: dict[str, str], status: int, code: str
) -> None:
    refused = service.client.post("/v1/decide", content=content, headers=headers)
    assert (refused.status_code, refused.json()["code"]) == (status, code)
    assert refused.headers["content-type"] == "application/problem+json"


@pytest.mark.parametrize(
    ("method", "path", "status", "allow"),
    [
        pytest.param("POST", "/v2/decide", 404, None, id="R20-unknown-version"),
        pytest.param("POST", "/v1/decide/", 404, None, id="R20-trailing-slash"),
        pytest.param("GET", "/healthz/", 404, None, id="R20-trailing-slash-elsewhere"),
        pytest.param("HEAD", "/v1/decide", 405, "POST", id="R20-head"),
        pytest.param("OPTIONS", "/v1/decide", 405, "POST", id="R20-options"),
        pytest.param("TRACE", "/v1/decide", 405, "POST", id="R20-trace"),
        pytest.param("OPTIONS", "/healthz", 405, "GET, HEAD", id="R20-options-elsewhere"),
        pytest.param("TRACE", "/v1/decisions/x", 405, "GET, HEAD", id="R20-trace-elsewhere"),
        pytest.param("GET", "/v1/decisions/..%2F..%2Fdecisions.sqlite", 404, None, id="R17-path-traversal"),
        pytest.param("GET", "/v1/decisions/'%20or%201=1%20--", 404, None, id="R17-sql-in-id"),
        pytest.param("GET", "/v1/decisions/%00", 404, None, id="R17-nul-in-id"),
    ],
)
@pytest.mark.usefixtures("unchanged")
def test_what_is_not_there_is_refused(service: Service, method: str, path: str, status: int, allow: str | None) -> None:
    refused = service.client.request(method, path)
    stated = refused.headers.get("allow")
    assert refused.status_code == status
    assert (stated and sorted(stated.split(", "))) == (allow and sorted(allow.split(", ")))


@pytest.mark.parametrize(
    ("request_line", "headers", "status", "code"),
    [
        pytest.param("POST /v1/decide HTTP/1.1", [f"x: {'a' * 64 * 1024}"], 431, "E_HEAD", id="R17-64-KB-header"),
        pytest.param(
            "POST /v1/decide HTTP/1.1", [f"x{n}: {'a' * 900}" for n in range(70)], 431, "E_HEAD", id="R17-many-headers"
        ),
        pytest.param(f"GET /{'a' * 64 * 1024} HTTP/1.1", [], 431, "E_HEAD", id="R17-64-KB-address"),
        pytest.param("POST /v1/decide HTTP/1.1", ["x: a\rinjected: b"], 400, "E_HTTP", id="R17-header-injection"),
        pytest.param("POST /v1/decide HTTP/1.1", ["x\0: a"], 400, "E_HTTP", id="R17-nul-in-header"),
        pytest.param("GET / HTTP/9", [], 400, "E_HTTP", id="R20-unknown-http"),
        pytest.param("hello", [], 400, "E_HTTP", id="R01-no-http"),
        pytest.param(
            "POST /v1/decide HTTP/1.1",
            ["content-length: 5", "transfer-encoding: chunked"],
            400,
            "E_HTTP",
            id="R17-two-lengths",
        ),
    ],
)
@pytest.mark.usefixtures("unchanged")
def test_a_head_that_is_none_or_too_long_is_refused(
    service: Service, request_line: str, headers: list[str], status: int, code: str
) -> None:
    with connected(service) as connection:
        connection.sendall("\r\n".join([request_line, "host: x", *headers, "", ""]).encode())
        refused_status, refused = answer(connection)
    assert (refused_status, refused["code"]) == (status, code)


def test_r17_sql_in_every_text_is_text(service: Service, home: Path) -> None:
    asked = {"user_pseudo_id": SQL, "profile": {SQL: SQL}}
    answered = service.client.post("/v1/decide", json=asked, headers={"idempotency-key": SQL})
    assert answered.status_code == 200
    assert service.client.get(f"/v1/decisions/{answered.json()['decision_id']}").json() == answered.json()
    assert service.client.post("/v1/decide", json={**asked, "model": SQL}).status_code == 422
    with closing(sqlite3.connect(home / "decisions" / "decisions.sqlite")) as record:
        count = "select count(*) from decisions where user_pseudo_id = ?"
        assert record.execute(count, [SQL]).fetchone() == (1,)


@pytest.mark.parametrize("offset", [pytest.param(10**14, id="R16-future"), pytest.param(-(10**14), id="R16-past")])
def test_a_clock_that_goes_wrong_is_taken_and_decided_by_the_service_s_own(service: Service, offset: int) -> None:
    events = [{"event_name": "scroll", "event_timestamp": NOW + offset}]
    answered = service.client.post("/v1/decide", json={"user_pseudo_id": "1.1", "events": events})
    assert answered.status_code == 200


LATE = {
    "R02-chunked-without-end": lambda service: head(service, "transfer-encoding: chunked") + b"1\r\n{\r\n",
    "R02-body-that-does-not-come": lambda service: head(service, "content-length: 25") + GOOD[:9],
    "R19-head-that-does-not-end": lambda service: head(service)[:-2],
}


@pytest.fixture(scope="module")
def late(service: Service) -> dict[str, tuple[float, int, Any]]:
    """Of each request that doesn't come whole: the seconds until it was refused, and how."""
    found = {}
    opened = [(name, socket.create_connection(("127.0.0.1", service.port), 30)) for name in LATE]
    begun = time.monotonic()
    for name, connection in opened:
        connection.sendall(LATE[name](service))
    for name, connection in opened:
        with connection:
            status, refused = answer(connection)
            found[name] = (time.monotonic() - begun, status, refused)
            assert connection.recv(1) == b""
    return found


@pytest.mark.parametrize("name", LATE)
def test_a_request_that_does_not_come_whole_is_refused_at_five_seconds(
    late: dict[str, tuple[float, int, Any]], name: str
) -> None:
    seconds, status, refused = late[name]
    assert (status, refused["code"]) == (408, "E_LATE")
    assert 4.5 < seconds < 15


@pytest.mark.usefixtures("unchanged")
def test_r19_of_500_slow_connections_an_address_holds_its_share_and_others_are_answered(service: Service) -> None:
    opened = [socket.create_connection(("127.0.0.1", service.port), 30, (ATTACKER, 0)) for _ in range(500)]
    for connection in opened:
        connection.sendall(b"POST /v1/decide HTTP/1.1\r\nx: ")
    assert service.client.post("/v1/decide", content=b"").status_code == 400

    statuses = [answer(connection)[0] for connection in opened]

    assert [statuses.count(status) for status in (408, 503)] == [MOST, 500 - MOST]
    for connection in opened:
        connection.close()


def test_r18_who_goes_away_is_decided_for_on_record_or_not_at_all(service: Service, home: Path) -> None:
    asked = head(service, f"content-length: {len(GOOD)}") + GOOD
    before = rows(home)
    for number in range(100):
        with connected(service) as connection:
            connection.sendall(asked[: len(asked) - number % 3 * 10])
    assert service.client.post("/v1/decide", content=GOOD).status_code == 200
    assert before < rows(home) <= before + 35
    with closing(sqlite3.connect(home / "decisions" / "decisions.sqlite")) as record:
        assert record.execute("pragma integrity_check").fetchone() == ("ok",)
