"""What has still to come: it is told as soon as it comes, once, to who waits."""

import asyncio
from contextvars import ContextVar

import pytest

from serving.coming import Coming

WHO = ContextVar("who", default="nobody")


def test_who_waits_is_told_before_whoever_set_it_goes_on() -> None:
    coming, told = Coming[int](), list[int]()
    coming.add_done_callback(lambda come: told.append(come.result()))

    coming.set_result(7)

    assert told == [7]


def test_who_asks_once_it_has_come_is_told_at_once() -> None:
    coming, told = Coming[int](), list[int]()
    coming.set_result(7)

    coming.add_done_callback(lambda come: told.append(come.result()))

    assert told == [7]


def test_who_waits_is_told_in_its_own_context() -> None:
    coming, told = Coming[int](), list[str]()
    token = WHO.set("a visitor")
    coming.add_done_callback(lambda _: told.append(WHO.get()))
    WHO.reset(token)

    coming.set_result(7)

    assert told == ["a visitor"]


def test_why_nothing_comes_is_raised() -> None:
    coming = Coming[int]()
    coming.set_exception(ValueError("no disk"))

    with pytest.raises(ValueError, match="no disk"):
        coming.result()


def test_what_fails_where_it_is_told_is_logged_and_holds_nobody_up(caplog: pytest.LogCaptureFixture) -> None:
    coming = Coming[int]()
    coming.add_done_callback(lambda _: dict[str, None]().pop("nobody"))

    coming.set_result(7)

    assert "What has come can't be told" in caplog.text


def test_what_is_given_up_is_told_nobody() -> None:
    coming, told = Coming[int](), list[int]()
    coming.add_done_callback(lambda come: told.append(come.result()))
    assert coming.cancel()

    coming.set_result(7)

    assert coming.cancelled()
    assert told == []


def test_it_can_be_awaited() -> None:
    async def value() -> int:
        coming = Coming[int]()
        asyncio.get_running_loop().call_soon(coming.set_result, 7)
        return await coming

    assert asyncio.run(value()) == 7


def test_it_can_be_awaited_once_it_has_come() -> None:
    async def value() -> int:
        coming = Coming[int]()
        coming.set_result(7)
        return await coming

    assert asyncio.run(value()) == 7


def test_what_takes_its_place_is_raised_to_who_awaits_it() -> None:
    async def value() -> int:
        coming = Coming[int]()
        asyncio.get_running_loop().call_soon(coming.set_exception, ValueError("no disk"))
        return await coming

    with pytest.raises(ValueError, match="no disk"):
        asyncio.run(value())


def test_who_stops_awaiting_it_has_given_it_up() -> None:
    async def give_up() -> Coming[int]:
        coming = Coming[int]()
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0):
                await coming
        coming.set_result(7)
        return coming

    assert asyncio.run(give_up()).cancelled()
