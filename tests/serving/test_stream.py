"""Who listens to a session hears its flag change, and its end."""

import asyncio
import json
from collections.abc import Iterator
from typing import Any

import pytest
from starlette.types import Message

from ml.policy import Action, Reason
from serving.problems import RefusedError
from serving.session_state import Flag, Session, key_of
from serving.session_stores import SessionsUnavailableError
from serving.stream import FlagStream, Listeners
from tests.serving.test_sessions import leave, live, scrolls, send


def told(lines: Iterator[str]) -> tuple[str, dict[str, Any]]:
    """The next event, and what it says."""
    name = next(line for line in lines if line.startswith("event: ")).removeprefix("event: ")
    return name, json.loads(next(lines).removeprefix("data: "))


def test_q12_a_flag_is_pushed_when_it_changes_until_the_session_is_decided_about(services: Any) -> None:
    client = services.start(live=live())
    send(client, scrolls(2))

    with client.stream("GET", "/v1/sessions/known.1/stream") as answer:
        assert answer.headers["content-type"].startswith("text/event-stream")
        lines = answer.iter_lines()
        name, flag = told(lines)
        assert (name, flag["acts"], flag["action"]) == ("flag", 2, "nothing")
        flag_of_the_answer = send(client, scrolls(8))["flag"]
        assert told(lines) == ("flag", flag_of_the_answer)
        leave(client)
        assert told(lines) == ("end", {})

    assert client.get("/v1/sessions/known.1/stream").status_code == 204


def test_more_than_may_listen_are_told_to_come_back(services: Any) -> None:
    client = services.start(live=live(listeners=Listeners(most=1)))
    send(client, scrolls(2))

    with client.stream("GET", "/v1/sessions/known.1/stream") as answer:
        # a generator that is let go of hangs up
        lines = answer.iter_lines()
        assert told(lines)[0] == "flag"
        refused = client.get("/v1/sessions/known.1/stream")
        assert (refused.status_code, refused.headers["retry-after"]) == (503, "1")


def test_a_client_has_half_of_those_who_may_listen_and_others_the_rest() -> None:
    async def join() -> None:
        listeners, shop, blog = Listeners(most=4), key_of("shop", "1"), key_of("blog", "1")
        listening = [listeners.join(key) for key in (shop, key_of("shop", "2"))]
        with pytest.raises(RefusedError):
            listeners.join(shop)
        assert listeners.join(blog)
        listeners.leave(shop, listening[0])
        assert listeners.join(shop)

    asyncio.run(join())


def flagged(acts: int) -> Flag:
    return Flag(1_772_000_000_000_000, acts, Action.NOTHING, Reason.BELOW_THRESHOLD, 1.0)


async def heard(session: Session | None, keep_alive: float, until: int) -> list[bytes]:
    """What a listener hears of a session that nobody changes, until so many things are said; then it goes away."""
    said: list[bytes] = []
    enough = asyncio.Event()

    async def find(_: str) -> Session | None:
        return session

    async def receive() -> Message:
        await enough.wait()
        return {"type": "http.disconnect"}

    async def send_on(message: Message) -> None:
        if message.get("body"):
            said.append(message["body"])
        if len(said) == until:
            enough.set()

    listeners = Listeners(keep_alive=keep_alive)
    stream = FlagStream(listeners, "k", find, lambda flag: flag.acts)
    await stream({"type": "http", "asgi": {"spec_version": "2.3"}}, receive, send_on)
    assert (listeners._counts, listeners._listening) == ({}, {})
    return said


def test_while_nothing_changes_a_comment_keeps_the_connection_alive() -> None:
    said = asyncio.run(heard(Session(flag=flagged(2)), keep_alive=0.001, until=3))

    assert said[:3] == [b"event: flag\ndata: 2\n\n", b": nothing new\n\n", b": nothing new\n\n"]


def test_the_stream_of_a_session_that_was_forgotten_ends() -> None:
    assert asyncio.run(heard(None, keep_alive=60, until=1)) == [b"event: end\ndata: {}\n\n"]


def test_a_session_without_a_flag_says_so_at_once() -> None:
    assert asyncio.run(heard(Session(), keep_alive=60, until=1)) == [b": nothing new\n\n"]


def test_the_stream_ends_where_sessions_can_not_be_read() -> None:
    async def find(_: str) -> Session | None:
        raise SessionsUnavailableError

    async def hear() -> list[bytes]:
        stream = FlagStream(Listeners(), "k", find, lambda flag: flag.acts)
        return [part async for part in stream._events()]

    assert asyncio.run(hear()) == [b"event: end\ndata: {}\n\n"]


def test_nobody_is_let_in_once_the_service_is_about_to_stop() -> None:
    async def join() -> None:
        listeners = Listeners()
        changed = listeners.join("k")
        listeners.end()
        assert changed.is_set()
        with pytest.raises(RefusedError):
            listeners.join("k")

    asyncio.run(join())
