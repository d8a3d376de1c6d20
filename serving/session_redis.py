"""Live sessions in Redis, where every process of the service finds them: a key each, which Redis forgets by itself."""

from collections.abc import Sequence
from math import ceil
from typing import TYPE_CHECKING, Self

import msgspec

from serving.session_state import Session
from serving.session_stores import Change, Result, SessionsUnavailableError

if TYPE_CHECKING:
    from redis.asyncio import Redis

PREFIX = "tactful:session:"
CHECKED = "tactful:readiness"
AT_ONCE = 200
"""Sessions that are looked through by one question to Redis, which answers nobody else meanwhile."""

TRIES = 20
"""How often a session is tried to change that others change meanwhile."""


class SessionsInRedis:
    """Sessions in the Redis at `url`, each kept `idle_seconds` after its last change.

    A session is changed where nobody else has changed it since it was read, and otherwise read again. No answer of
    Redis' is waited for longer than `patience` seconds.
    """

    def __init__(self, url: str, idle_seconds: float = 1800.0, patience: float = 0.5) -> None:
        self.url = url
        self.idle_seconds = idle_seconds
        self.patience = patience
        self._client: Redis | None = None

    async def __aenter__(self) -> Self:
        from redis.asyncio import Redis
        from redis.asyncio.retry import Retry
        from redis.backoff import NoBackoff

        self._client = Redis.from_url(
            self.url,
            socket_timeout=self.patience,
            socket_connect_timeout=self.patience,
            retry=Retry(NoBackoff(), 0),
        )
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._client is not None:
            await self._client.aclose()
            self._client = None

    async def find(self, key: str) -> Session | None:
        from redis.exceptions import RedisError

        try:
            return _session(await self._opened().get(PREFIX + key))
        except (OSError, RedisError, msgspec.DecodeError) as error:
            raise _unavailable(error) from error

    async def change(self, key: str, change: Change[Result]) -> Result:
        from redis.exceptions import RedisError, WatchError

        for _ in range(TRIES):
            try:
                return await self._change(PREFIX + key, change)
            except WatchError:
                continue
            except (OSError, RedisError, msgspec.DecodeError) as error:
                raise _unavailable(error) from error
        raise SessionsUnavailableError(f"A live session was changed by others {TRIES} times in a row.")

    async def erase(self, user_pseudo_id: str) -> Sequence[str]:
        from redis.exceptions import RedisError

        theirs: list[str] = []
        names: list[bytes] = []
        client = self._opened()
        try:
            # the names of sessions tell nothing of their users
            async for name in client.scan_iter(f"{PREFIX}*", count=AT_ONCE):
                names.append(name)
                if len(names) == AT_ONCE:
                    theirs += await _erase(client, names, user_pseudo_id)
                    names = []
            return theirs + await _erase(client, names, user_pseudo_id)
        except (OSError, RedisError, msgspec.DecodeError) as error:
            raise _unavailable(error) from error

    def check(self) -> None:
        """Raises SessionsUnavailableError unless Redis takes what is written: a full one answers a ping."""
        import redis
        from redis.backoff import NoBackoff
        from redis.retry import Retry

        timeout, retry = self.patience, Retry(NoBackoff(), 0)
        try:
            # a connection of its own: the other one is the event loop's
            with redis.Redis.from_url(
                self.url, socket_timeout=timeout, socket_connect_timeout=timeout, retry=retry
            ) as client:
                client.set(CHECKED, b"", ex=1)
        except (OSError, redis.RedisError) as error:
            raise _unavailable(error) from error

    async def _change(self, name: str, change: Change[Result]) -> Result:
        async with self._opened().pipeline() as pipe:
            await pipe.watch(name)
            session, result = change(_session(await pipe.get(name)))
            if session is None:
                return result
            pipe.multi()  # type: ignore[no-untyped-call]
            pipe.set(name, msgspec.msgpack.encode(session), ex=ceil(self.idle_seconds))
            await pipe.execute()
            return result

    def _opened(self) -> "Redis":
        if self._client is None:
            raise SessionsUnavailableError("Live sessions are not open.")
        return self._client


class _Owned(msgspec.Struct):
    """Of a session, whose it is."""

    user_pseudo_id: str | None = None


async def _erase(client: "Redis", names: Sequence[bytes], user_pseudo_id: str) -> list[str]:
    """Remove those of the sessions of `names` that are a user's; returns their keys."""
    stored = zip(names, await client.mget(names) if names else (), strict=True)
    theirs = [name for name, value in stored if value and _owner(value) == user_pseudo_id]
    if theirs:
        await client.delete(*theirs)
    return [name.decode().removeprefix(PREFIX) for name in theirs]


def _owner(stored: bytes) -> str | None:
    return msgspec.msgpack.decode(stored, type=_Owned).user_pseudo_id


def _session(stored: bytes | None) -> Session | None:
    return None if stored is None else msgspec.msgpack.decode(stored, type=Session)


def _unavailable(error: Exception) -> SessionsUnavailableError:
    return SessionsUnavailableError(f"Live sessions can't be read or kept: {type(error).__name__}.")
