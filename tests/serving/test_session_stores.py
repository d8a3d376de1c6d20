"""Where live sessions are kept: the same of each place, and what only one of them has to do."""

import asyncio
import socket
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path

import pytest

from serving.requests import Event
from serving.session_file import SessionFile
from serving.session_redis import PREFIX, SessionsInRedis
from serving.session_state import Session, key_of
from serving.session_stores import Sessions, SessionsInMemory, SessionsUnavailableError
from tests.redis_server import redis_server

NOW = 1_772_000_000_000_000
SECOND = 1_000_000
Opened = Callable[[], Sessions]


class Clocks:
    """The seconds that have passed, and the time of day, which jumps as it likes."""

    def __init__(self) -> None:
        self.passed = 1000.0
        self.jumped = 0

    def monotonic(self) -> float:
        return self.passed

    def now(self) -> int:
        return NOW + round(self.passed * SECOND) + self.jumped

    def in_memory(self, file: SessionFile | None = None, at_most: int = 100) -> SessionsInMemory:
        return SessionsInMemory(file, at_most, 60.0, self.monotonic, self.now)


@pytest.fixture(scope="module")
def redis(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with redis_server(tmp_path_factory.mktemp("redis")) as address:
        yield f"redis://{address}/0"


@pytest.fixture(params=["memory", "redis"])
def opened(request: pytest.FixtureRequest) -> Opened:
    if request.param == "memory":
        return SessionsInMemory
    url: str = request.getfixturevalue("redis")
    return partial(SessionsInRedis, url)


def scrolled(session: Session | None) -> tuple[Session, int]:
    session = session or Session("u")
    session.tally.add(Event("scroll", NOW))
    return session, session.acts


def nothing(session: Session | None) -> tuple[Session | None, bool]:
    return None, session is None


def run(store: Sessions, what: Callable[[Sessions], Awaitable[None]]) -> None:
    async def within() -> None:
        async with store:
            await what(store)

    asyncio.run(within())


def test_a_session_is_kept_as_it_was_changed_to(opened: Opened, request: pytest.FixtureRequest) -> None:
    key = request.node.name

    async def change(store: Sessions) -> None:
        assert await store.find(key) is None
        assert [await store.change(key, scrolled) for _ in range(3)] == [1, 2, 3]
        found = await store.find(key)
        assert found is not None
        assert (found.user_pseudo_id, found.acts) == ("u", 3)
        assert await store.find("another") is None

    run(opened(), change)


def test_where_there_is_no_session_to_keep_none_is_kept(opened: Opened, request: pytest.FixtureRequest) -> None:
    key = request.node.name

    async def change(store: Sessions) -> None:
        assert await store.change(key, nothing)
        assert await store.find(key) is None

    run(opened(), change)


def test_no_change_is_lost_where_many_change_a_session_at_once(opened: Opened, request: pytest.FixtureRequest) -> None:
    key = request.node.name

    async def change(store: Sessions) -> None:
        assert sorted(await asyncio.gather(*(store.change(key, scrolled) for _ in range(6)))) == [1, 2, 3, 4, 5, 6]

    run(opened(), change)


def test_a_change_that_is_refused_leaves_the_session_as_it_was(opened: Opened, request: pytest.FixtureRequest) -> None:
    key = request.node.name

    def refuse(_: Session | None) -> tuple[Session, None]:
        raise ValueError("no")

    async def change(store: Sessions) -> None:
        await store.change(key, scrolled)
        with pytest.raises(ValueError, match="no"):
            await store.change(key, refuse)
        with pytest.raises(ValueError, match="no"):
            await store.change(key + "-new", refuse)
        found = await store.find(key)
        assert found is not None
        assert found.acts == 1
        assert await store.find(key + "-new") is None

    run(opened(), change)


def test_another_process_finds_the_session_in_redis_which_will_forget_it(redis: str) -> None:
    async def change(store: Sessions) -> None:
        await store.change("shared", scrolled)
        async with SessionsInRedis(redis) as other:
            assert await other.change("shared", scrolled) == 2
        assert isinstance(store, SessionsInRedis)
        assert 1700 < await store._opened().ttl(PREFIX + "shared") <= 1800

    run(SessionsInRedis(redis), change)


def test_a_redis_that_is_not_there_is_silent_or_holds_something_else_is_told(redis: str) -> None:
    async def ask(store: Sessions) -> None:
        for attempt in (store.find("k"), store.change("k", scrolled)):
            with pytest.raises(SessionsUnavailableError):
                await attempt

    async def spoil(store: Sessions) -> None:
        assert isinstance(store, SessionsInRedis)
        await store._opened().set(PREFIX + "k", b"\xc1")
        await ask(store)

    run(SessionsInRedis("redis://127.0.0.1:1/0"), ask)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        run(SessionsInRedis(f"redis://127.0.0.1:{silent.getsockname()[1]}/0", patience=0.01), ask)
    run(SessionsInRedis(redis), spoil)


def test_more_than_may_be_kept_push_out_those_that_changed_longest_ago() -> None:
    async def change(store: Sessions) -> None:
        for key in ("a", "b", "a", "c"):
            await store.change(key, scrolled)
        assert [await store.find(key) is not None for key in ("a", "b", "c")] == [True, False, True]

    run(Clocks().in_memory(at_most=2), change)


def test_a_client_that_has_more_than_others_pushes_out_its_own_alone() -> None:
    shop, blog = ([key_of(client, str(number)) for number in range(10)] for client in ("shop", "blog"))

    async def change(store: Sessions) -> None:
        for key in (*shop[:2], *blog):
            await store.change(key, scrolled)
        assert [key for key in (*shop, *blog) if await store.find(key)] == [*shop[:2], *blog[-4:]]
        for key in shop[2:]:
            await store.change(key, scrolled)
        assert [key for key in (*shop, *blog) if await store.find(key)] == [*shop[-3:], *blog[-3:]]

    run(Clocks().in_memory(at_most=6), change)


def test_f25_a_session_lasts_from_its_last_change_on_whatever_time_of_day_it_is() -> None:
    clocks = Clocks()

    async def change(store: Sessions) -> None:
        for jump in (0, 86_400, -86_400, -3_600):
            clocks.jumped = jump * SECOND
            clocks.passed += 59
            await store.change("k", scrolled)
        assert await store.find("k") is not None
        clocks.passed += 60
        assert await store.find("k") is None

    run(clocks.in_memory(), change)


@asynccontextmanager
async def restarted(clocks: Clocks, path: Path) -> AsyncIterator[SessionsInMemory]:
    async with clocks.in_memory(SessionFile(path)) as store:
        yield store


def test_sessions_survive_a_restart_and_those_that_are_forgotten_do_not(tmp_path: Path) -> None:
    clocks, path = Clocks(), tmp_path / "decisions" / "sessions.sqlite"

    async def live() -> None:
        async with restarted(clocks, path) as store:
            await store.change("old", scrolled)
            await store.save()
            clocks.passed += 40
            await store.change("young", scrolled)
        clocks.passed += 30
        async with restarted(clocks, path) as store:
            assert await store.find("old") is None
            assert await store.change("young", scrolled) == 2
        assert [saved.key for saved, _ in SessionFile(path).read()] == ["young"]

    asyncio.run(live())


@pytest.mark.parametrize("jump", [86_400, -86_400, -3_600])
def test_f25_after_a_restart_in_which_the_clock_jumped_no_session_lasts_longer_than_sessions_do(
    tmp_path: Path, jump: int
) -> None:
    clocks, path = Clocks(), tmp_path / "sessions.sqlite"

    async def live() -> None:
        async with restarted(clocks, path) as store:
            await store.change("k", scrolled)
        clocks.jumped = jump * SECOND
        async with restarted(clocks, path) as store:
            assert (await store.find("k") is None) == (jump > 0)
            clocks.passed += 60
            assert await store.find("k") is None

    asyncio.run(live())


def test_a_file_that_can_not_be_read_or_written_stops_nobody(tmp_path: Path) -> None:
    damaged = tmp_path / "sessions.sqlite"
    damaged.write_bytes(b"no database" * 100)

    async def live() -> None:
        async with restarted(Clocks(), damaged) as store:
            assert await store.change("k", scrolled) == 1
            await store.save()
            damaged.unlink()
        assert [saved.key for saved, _ in SessionFile(damaged).read()] == ["k"]

    asyncio.run(live())
