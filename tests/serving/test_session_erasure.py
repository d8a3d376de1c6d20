"""A user's live sessions are erased from wherever they are kept."""

import asyncio
from functools import partial
from pathlib import Path

import pytest

from serving import session_file
from serving.session_file import SessionFile
from serving.session_redis import AT_ONCE, PREFIX, SessionsInRedis
from serving.session_state import Session
from serving.session_stores import Sessions, SessionsUnavailableError
from tests.serving.test_session_stores import Clocks, Opened, opened, redis, restarted, run

__all__ = ["opened", "redis"]


def of_user(user_pseudo_id: str, _: Session | None) -> tuple[Session, None]:
    return Session(user_pseudo_id), None


def test_a_user_s_sessions_are_there_no_more_and_all_others_are(opened: Opened) -> None:
    # more than Redis is asked for at once
    others = [f"other.{number}" for number in range(2 * AT_ONCE)]

    async def erase(store: Sessions) -> None:
        for key, user in [("gone.1", "gone"), ("gone.2", "gone"), *((key, key) for key in others)]:
            await store.change(key, partial(of_user, user))
        assert sorted(await store.erase("gone")) == ["gone.1", "gone.2"]
        assert await store.erase("gone") == []
        assert [await store.find(key) for key in ("gone.1", "gone.2")] == [None, None]
        assert None not in [await store.find(key) for key in others]

    run(opened(), erase)


def test_sessions_that_may_still_be_there_are_told(redis: str) -> None:
    async def spoil(store: Sessions) -> None:
        assert isinstance(store, SessionsInRedis)
        await store._opened().set(PREFIX + "spoilt", b"\xc1", ex=60)
        with pytest.raises(SessionsUnavailableError):
            await store.erase("gone")

    run(SessionsInRedis(redis), spoil)


def test_a_process_that_is_killed_afterwards_does_not_come_back_with_them(tmp_path: Path) -> None:
    path = tmp_path / "sessions.sqlite"

    async def live() -> None:
        store = Clocks().in_memory(SessionFile(path))
        for key, user in (("gone.1", "gone"), ("stays.1", "stays")):
            await store.change(key, partial(of_user, user))
        await store.save()
        # written while it is erased: what was written first must not come last
        await asyncio.gather(store.save(), store.erase("gone"), store.save())

    asyncio.run(live())

    assert [saved.key for saved, _ in SessionFile(path).read()] == ["stays.1"]


def test_what_a_service_has_deleted_is_in_no_byte_of_the_file_either(tmp_path: Path) -> None:
    path = tmp_path / "sessions.sqlite"

    async def live() -> None:
        async with restarted(Clocks(), path) as store:
            await store.change("k", partial(of_user, "gone-id"))
            await store.save()
            await store.erase("gone-id")

    asyncio.run(live())
    session_file.erase(path, ["gone-id"])

    assert b"gone-id" not in b"".join(file.read_bytes() for file in tmp_path.iterdir())


def test_a_user_s_sessions_are_erased_from_the_file_to_the_byte(tmp_path: Path) -> None:
    path = tmp_path / "sessions.sqlite"

    async def live() -> None:
        async with restarted(Clocks(), path) as store:
            for user in ("gone", "stays"):
                await store.change(user, partial(of_user, f"{user}-id"))

    asyncio.run(live())

    assert session_file.erase(path, ["gone-id"]) == 1
    assert session_file.erase(path, ["gone-id"]) == 0
    assert session_file.erase(tmp_path / "none.sqlite", ["gone-id"]) == 0
    assert [session.user_pseudo_id for _, session in SessionFile(path).read()] == ["stays-id"]
    assert b"gone-id" not in b"".join(file.read_bytes() for file in tmp_path.iterdir())
