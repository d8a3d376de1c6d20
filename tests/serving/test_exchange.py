"""What goes past ASGI is answered as what goes through it is."""

import json
import logging
import socket
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from serving.clock import SECOND, microseconds
from serving.connections import MOST_AHEAD
from serving.decisions import Decider
from serving.witness import current
from tests.serving.conftest import MOMENT, Services

GOOD = {"user_pseudo_id": "known", "at": MOMENT, "profile": {"pages_before": 3, "channel": "email"}}


@pytest.fixture(scope="module")
def service(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[httpx.Client]:
    services = Services(
        tmp_path_factory.mktemp("service"),
        request.getfixturevalue("registry"),
        request.getfixturevalue("open_store"),
    )
    with services.running:
        yield services.start()


def sent_whole(request: httpx.Request) -> httpx.Response:
    """The answer to what is sent at once, as httpx doesn't."""
    lines = [b"%b %b HTTP/1.1" % (request.method.encode(), request.url.raw_path)]
    lines += [b"%b: %b" % header for header in request.headers.raw]
    (answer,) = answers(request.url.port or 0, b"\r\n".join([*lines, b"", request.content]), 1)
    status, *headers = answer.partition(b"\r\n\r\n")[0].decode("latin-1").split("\r\n")
    named = dict(header.split(": ", 1) for header in headers)
    return httpx.Response(int(status.split()[1]), headers=named, content=_body(answer))


def told(response: httpx.Response) -> tuple[int, dict[str, str], Any]:
    """An answer but for what is another each time."""
    body = response.json()
    for each in body if isinstance(body, list) else [body]:
        each.pop("decision_id", None)
        (each.get("flag") or {}).pop("scored_at", None)
    named = {name: value for name, value in response.headers.items() if name not in ("date", "content-length")}
    return response.status_code, named, body


@pytest.mark.parametrize(
    ("path", "body", "headers"),
    [
        pytest.param("/v1/decide", GOOD, {}, id="decided"),
        pytest.param("/v1/decide:batch", [GOOD, {**GOOD, "model": "other"}], {}, id="a-list"),
        pytest.param("/v1/decide", {**GOOD, "colour": "red"}, {"x-request-id": "seen"}, id="a-field-too-many"),
        pytest.param("/v1/decide", GOOD, {"authorization": "Bearer tac_wrong", "x-request-id": "seen"}, id="no-key"),
        pytest.param("/v1/decide", GOOD, {"content-type": "text/plain", "x-request-id": "seen"}, id="other-content"),
        pytest.param("/v1/decide", GOOD, {"x-request-id": "mine"}, id="named"),
        pytest.param("/v1/sessions/a b/events", {"user_pseudo_id": "known"}, {}, id="a-session"),
        pytest.param("/v1/sessions/a.b/events", {"user_pseudo_id": "known"}, {}, id="a-plain-session"),
        pytest.param("/v1/sessions/a.b/events", GOOD, {"x-request-id": "seen"}, id="a-session-s-wrong-field"),
        pytest.param("/v1/sessions/a#b/events", GOOD, {"x-request-id": "seen"}, id="a-fragment"),
    ],
)
def test_both_ways_answer_alike(service: httpx.Client, path: str, body: object, headers: dict[str, str]) -> None:
    content = json.dumps(body).encode()

    short = service.post(path, content=content, headers={"content-type": "application/json", **headers})
    # its length is not told
    long = service.post(path, content=iter([content]), headers={"content-type": "application/json", **headers})
    # its head and its body come together
    whole = sent_whole(short.request)

    assert "content-length" in short.request.headers
    assert "transfer-encoding" in long.request.headers
    assert told(short) == told(long) == told(whole)


def test_live_sessions_are_taken_and_scored_alike(service: httpx.Client) -> None:
    now = microseconds()
    acts = [{"event_name": "page_view", "event_timestamp": now - second * SECOND} for second in (2, 1)]
    visitor = {"user_pseudo_id": "known", "profile": GOOD["profile"]}

    def asked(name: str, act: object, **content: Any) -> httpx.Request:
        body = json.dumps({**visitor, "events": [act]}).encode()
        headers = {"content-type": "application/json"}
        return service.build_request(
            "POST", f"/v1/sessions/{name}/events", content=content.get("parts", iter)([body]), headers=headers
        )

    long = [told(service.send(asked("long", act))) for act in acts]
    short = [told(service.send(asked("short", act, parts=b"".join))) for act in acts]
    whole = [told(sent_whole(asked("whole", act, parts=b"".join))) for act in acts]

    assert [body["scored"] for _, _, body in long] == [False, True]
    assert long == short == whole


def test_what_follows_a_head_that_was_seen_before_is_read_anew(service: httpx.Client) -> None:
    body = json.dumps(GOOD).encode()
    head, port = _head(service, len(body)), service.base_url.port or 0

    # a decision of its own each, and what is no JSON behind the same head
    sent = [head + body, head + body, head + body[:-1] + b" "]
    first, second, wrong = (answers(port, each, 1)[0] for each in sent)

    assert first.startswith(b"HTTP/1.1 200 OK\r\n")
    assert second.startswith(b"HTTP/1.1 200 OK\r\n")
    assert _body(first) != _body(second)
    assert wrong.startswith(b"HTTP/1.1 400 Bad Request\r\n")


def test_what_is_logged_of_a_decision_that_fails_names_the_request(
    services: Services, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(*_: object) -> None:
        raise RuntimeError

    monkeypatch.setattr(Decider, "decide", fail)
    client = services.start()
    told: list[tuple[str, str]] = []

    def note(record: logging.LogRecord) -> bool:
        request = current.get()
        told.append((record.name, request.id if request else ""))
        return True

    caplog.handler.addFilter(note)

    assert client.post("/v1/decide", json=GOOD, headers={"x-request-id": "mine"}).status_code == 500
    # the second line comes after the answer
    services.running.close()
    assert [each for each in told if each[1]] == [("serving.front", "mine"), ("serving.witness", "mine")]


def test_what_was_sent_before_an_answer_came_is_answered_in_its_order(service: httpx.Client) -> None:
    bodies = [json.dumps({**GOOD, "model": model}).encode() for model in ("first", "second", "third")]
    sent = b"".join(_head(service, len(body)) + body for body in bodies)
    # and one that goes through ASGI between them
    sent += b"GET /healthz HTTP/1.1\r\nhost: x\r\n\r\n" + _head(service, len(bodies[0])) + bodies[0]

    told_in_order = answers(service.base_url.port or 0, sent, 5)

    said = [b"'first'", b"'second'", b"'third'", b"alive", b"'first'"]
    assert [each in answer for each, answer in zip(said, told_in_order, strict=True)] == [True] * 5


def test_a_connection_that_is_to_be_closed_is_closed_after_its_answer(service: httpx.Client) -> None:
    body = json.dumps(GOOD).encode()
    head = _head(service, len(body)).replace(b"\r\n\r\n", b"\r\nconnection: close\r\n\r\n")

    (answer,) = answers(service.base_url.port or 0, head + body, 1)

    assert answer.startswith(b"HTTP/1.1 200 OK\r\n")
    assert b"connection: close" in answer


def test_what_is_sent_behind_a_wish_to_end_is_not_taken(service: httpx.Client) -> None:
    port, path = service.base_url.port or 0, "/v1/sessions/ended/events"
    event = _act()
    ending = _head(service, len(event), path).replace(b"\r\n\r\n", b"\r\nconnection: close\r\n\r\n")

    told_once = answers(port, ending + event + _head(service, len(event), path) + event, 2)
    (second,) = answers(port, _head(service, len(event), path) + event, 1)

    assert [json.loads(_body(answer))["scored"] for answer in told_once] == [False]
    # of three acts, the last would be no second one
    assert json.loads(_body(second))["scored"]


def test_of_many_that_are_sent_at_once_no_more_are_taken_than_may_wait(service: httpx.Client) -> None:
    nothing = b'{"user_pseudo_id":"known"}'
    sent = _head(service, len(nothing), "/v1/sessions/many/events") + nothing

    *taken, last = answers(service.base_url.port or 0, sent * 2 * MOST_AHEAD, 2 * MOST_AHEAD)

    assert {answer[:15] for answer in taken} == {b"HTTP/1.1 200 OK"}
    assert last.startswith(b"HTTP/1.1 503 Service Unavailable\r\n")


def _act() -> bytes:
    act = {"event_name": "page_view", "event_timestamp": microseconds()}
    return json.dumps({"user_pseudo_id": "known", "events": [act]}).encode()


def _head(service: httpx.Client, length: int, path: str = "/v1/decide") -> bytes:
    headers = {
        "host": "x",
        "authorization": service.headers["authorization"],
        "content-type": "application/json",
        "content-length": str(length),
    }
    return "\r\n".join([f"POST {path} HTTP/1.1", *map(": ".join, headers.items()), "", ""]).encode()


def answers(port: int, sent: bytes, count: int) -> list[bytes]:
    """The first answers to what is `sent` at once; of a connection that the service closes, all it holds."""
    received = b""
    with socket.create_connection(("127.0.0.1", port), timeout=30) as connection:
        connection.sendall(sent)
        while received.count(b"HTTP/1.1 ") < count or not _is_whole(received):
            part = connection.recv(65536)
            if not part:
                break
            received += part
    return [b"HTTP/1.1 " + answer for answer in received.split(b"HTTP/1.1 ")[1:]]


def _body(answer: bytes) -> bytes:
    return answer.partition(b"\r\n\r\n")[2]


def _is_whole(received: bytes) -> bool:
    """Whether the last answer has all of its body."""
    head, _, body = received.rpartition(b"HTTP/1.1 ")[2].partition(b"\r\n\r\n")
    lengths = [line for line in head.split(b"\r\n") if line.lower().startswith(b"content-length: ")]
    return bool(lengths) and len(body) >= int(lengths[0].partition(b": ")[2])
