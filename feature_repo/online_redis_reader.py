"""Reads of many entities at once from the hashes of Feast's Redis online store."""

import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from functools import lru_cache
from typing import TYPE_CHECKING

from feature_repo.online_redis_layout import feature_fields, hash_key, name_of, time_field
from feature_repo.online_rows import deserialise
from feature_repo.stored_rows import StoredRows

if TYPE_CHECKING:
    from feast import FeatureView, RepoConfig
    from redis.connection import AbstractConnection


class RedisReader:
    """Reads features of some views in one round trip; each field is one that Feast's own reader asks for.

    Connecting takes at most `patience` seconds, and so do the answers; what has come by then is read to its end.
    """

    def __init__(self, config: "RepoConfig", views: Mapping["FeatureView", Sequence[str]], patience: float) -> None:
        from feast.infra.online_stores.redis import RedisOnlineStore
        from redis.backoff import NoBackoff
        from redis.retry import Retry

        waits = f"socket_timeout={patience},socket_connect_timeout={patience}"
        stated = config.online_store
        hasty = stated.model_copy(update={"connection_string": f"{stated.connection_string},{waits}"})
        self._client = RedisOnlineStore()._get_client(hasty)
        # its own would try again for seconds
        self._client.set_retry(Retry(NoBackoff(), 0))
        self._idle: list[AbstractConnection] = []
        self._patience = patience
        self._ending = hash_key(config, b"")
        self._views = {view.name: names for view, names in views.items()}
        named = [(name_of(config, view), names) for view, names in views.items()]
        asked = [field for name, names in named for field in (time_field(name), *feature_fields(name, names))]
        # as Redis is told of a command: how many parts, then each with its length
        self._before_key = b"*%d\r\n" % (len(asked) + 2) + _part(b"HMGET")
        self._after_key = b"".join(map(_part, asked))

    def read(self, keys: Sequence[bytes]) -> dict[str, StoredRows]:
        connection = self._opened() or self._client.connection_pool.get_connection()
        return self._found(self._ask(connection, keys))

    def read_at_once(self, keys: Sequence[bytes]) -> dict[str, StoredRows] | None:
        connection = self._opened()
        return None if connection is None else self._found(self._ask(connection, keys))

    def _found(self, rows: Sequence[Sequence[bytes | None]]) -> dict[str, StoredRows]:
        columns = iter(zip(*rows, strict=True))
        found = {}
        for view, names in self._views.items():
            feature_at = [_seconds(time) for time in next(columns)]
            found[view] = StoredRows({name: deserialise(next(columns)) for name in names}, feature_at)
        return found

    def _opened(self) -> "AbstractConnection | None":
        """A connection that nobody uses and that is still open, if there is one."""
        while self._idle:
            # another thread may have taken the last one
            with suppress(IndexError):
                connection = self._idle.pop()
                if _is_open(connection):
                    return connection
                self._drop(connection)
        return None

    def _ask(self, connection: "AbstractConnection", keys: Sequence[bytes]) -> list[list[bytes | None]]:
        """The fields of each hash, by one write and one answer each: under half of what redis-py's pipeline takes."""
        until = time.monotonic() + self._patience
        try:
            commands = [self._before_key + _part(key + self._ending) + self._after_key for key in keys]
            connection.send_packed_command([b"".join(commands)])  # type: ignore[no-untyped-call]
            answers = []
            for _ in keys:
                # what has come is read, however late it is
                if time.monotonic() > until and not _has_more(connection):
                    raise TimeoutError(f"Redis took longer than {self._patience:g} s for {len(keys)} entities.")
                answers.append(connection.read_response())  # type: ignore[no-untyped-call]
        except BaseException:
            # what it would answer next is of this question
            self._drop(connection)
            raise
        self._idle.append(connection)
        return answers

    def _drop(self, connection: "AbstractConnection") -> None:
        connection.disconnect()  # type: ignore[no-untyped-call]
        self._client.connection_pool.release(connection)


def _is_open(connection: "AbstractConnection") -> bool:
    """Whether a connection over which nothing was asked can be used: all there may be to read is that it was closed."""
    from redis.exceptions import RedisError

    try:
        return not _has_more(connection)
    except (OSError, RedisError):
        return False


def _has_more(connection: "AbstractConnection") -> bool:
    has_more: bool = connection.can_read()  # type: ignore[no-untyped-call]
    return has_more


def _part(value: bytes) -> bytes:
    return b"$%d\r\n%b\r\n" % (len(value), value)


@lru_cache(10_000)
def _seconds(time: bytes | None) -> int:
    from google.protobuf.timestamp_pb2 import Timestamp  # type: ignore[import-untyped]

    seconds: int = Timestamp.FromString(time).seconds if time else 0
    return seconds
