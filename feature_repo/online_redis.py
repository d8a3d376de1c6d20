"""Guarded writes into the hashes of Feast's Redis online store, and reads of many entities at once.

Feast keeps one hash an entity, and in it a field for each feature and one for the time of each view. Beside the latter
stands a field of ours, which Feast's readers don't ask for: both clocks of the row. It counts only while its
`feature_at` is the view's time, so that a row written by Feast itself was known long ago.
"""

import re
import struct
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache, lru_cache
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING

from feature_repo.contract import Column
from feature_repo.online_rows import OnlineRows, OnlineWriteError, deserialise, entity_keys, serialise
from feature_repo.stored_rows import StoredRows

if TYPE_CHECKING:
    from feast import FeatureView, RepoConfig
    from feast.infra.online_stores.redis import RedisOnlineStore

EPOCH = datetime(1970, 1, 1)
MICROSECOND = timedelta(microseconds=1)
TIME_FIELD = b"_ts:"
CLOCKS_FIELD = b"_clocks:"
SCRIPT = Path(__file__).with_suffix(".lua")

GLOB = re.compile(rb"[*?\[\]^\\]")
LENGTH = struct.Struct("<I")
"""How long a key's value is, which stands before it."""

SCANNED_A_CALL = 1_000
ROWS_A_CALL = 50
"""How many rows one call of the script writes: Redis answers nobody else for about a millisecond."""


@dataclass(frozen=True)
class RedisWriter:
    """Feast's Redis online store, as its configuration describes it."""

    config: "RepoConfig"
    store: "RedisOnlineStore"

    def __post_init__(self) -> None:
        if self.config.online_store.redis_type == "redis_cluster":
            raise OnlineWriteError("The Redis online store is a redis_cluster; use redis or redis_sentinel.")

    def write(self, view: "FeatureView", features: Sequence[Column], chunks: Iterable[OnlineRows]) -> int:
        """Write each chunk in a pipeline, each row as one step; returns how many rows were not outdated."""
        client = self.store._get_client(self.config.online_store)
        script = client.register_script(SCRIPT.read_text())
        shared = self._shared(view, features)
        written = 0
        for chunk in chunks:
            keys, rows = [_key(self.config, key) for key in chunk.keys], list(_arguments(features, chunk))
            with client.pipeline(transaction=False) as pipeline:
                for start in range(0, len(keys), ROWS_A_CALL):
                    few = slice(start, start + ROWS_A_CALL)
                    script(keys[few], [*shared, *chain.from_iterable(rows[few])], client=pipeline)
                written += sum(pipeline.execute())
        return written

    def clear(self, view: "FeatureView", features: Sequence[Column]) -> None:
        """Remove the fields of a view from this project's keys; what else they hold stays."""
        client = self.store._get_client(self.config.online_store)
        (join_key,) = view.join_keys
        (prefix,) = entity_keys(join_key, [""], self.config.entity_key_serialization_version)
        prefix, ending = prefix[: -LENGTH.size], _key(self.config, b"")
        found = client.scan_iter(GLOB.sub(rb"\\\g<0>", prefix) + b"*" + GLOB.sub(rb"\\\g<0>", ending), SCANNED_A_CALL)
        fields = self._fields(view, features)
        with client.pipeline(transaction=False) as pipeline:
            for key in found:
                # the name of another project may end with the name of this one
                (length,) = LENGTH.unpack_from(key, len(prefix))
                if len(key) == len(prefix) + LENGTH.size + length + len(ending):
                    pipeline.hdel(key, *fields)
                if len(pipeline) >= SCANNED_A_CALL:
                    pipeline.execute()
            pipeline.execute()

    def delete(self, views: Iterable["FeatureView"], key: bytes) -> int:
        """Remove the rows of one entity key; returns how many views held one."""
        times = {_time_field(_name(self.config, view)) for view in views}
        with self.store._get_client(self.config.online_store).pipeline(transaction=True) as pipeline:
            pipeline.hkeys(_key(self.config, key))
            pipeline.delete(_key(self.config, key))
            fields, _ = pipeline.execute()
        return len(times.intersection(fields))

    def _shared(self, view: "FeatureView", features: Sequence[Column]) -> list[bytes | int]:
        time, clocks, *fields = self._fields(view, features)
        return [self.config.online_store.key_ttl_seconds or 0, time, clocks, len(features), *fields]

    def _fields(self, view: "FeatureView", features: Sequence[Column]) -> list[bytes]:
        """The fields of the view's time, of our clocks and of the features."""
        name = _name(self.config, view)
        return [_time_field(name), CLOCKS_FIELD + name.encode(), *_fields(name, [each.name for each in features])]


class RedisReader:
    """Reads features of some views in one round trip; each field is one that Feast's own reader asks for.

    Connecting, and each wait for an answer, take at most `patience` seconds.
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
        self._ending = _key(config, b"")
        self._views = {view.name: names for view, names in views.items()}
        named = [(_name(config, view), names) for view, names in views.items()]
        asked = [field for name, names in named for field in (_time_field(name), *_fields(name, names))]
        # as Redis is told of a command: how many parts, then each with its length
        self._before_key = b"*%d\r\n" % (len(asked) + 2) + _part(b"HMGET")
        self._after_key = b"".join(map(_part, asked))

    def read(self, keys: Sequence[bytes]) -> dict[str, StoredRows]:
        columns = iter(zip(*self._ask([key + self._ending for key in keys]), strict=True))
        found = {}
        for view, names in self._views.items():
            feature_at = [_seconds(time) for time in next(columns)]
            found[view] = StoredRows({name: deserialise(next(columns)) for name in names}, feature_at)
        return found

    def _ask(self, keys: Sequence[bytes]) -> list[list[bytes | None]]:
        """The fields of each hash, by one write and one answer each: under half of what redis-py's pipeline takes."""
        pool = self._client.connection_pool
        connection = pool.get_connection()
        try:
            commands = b"".join([self._before_key + _part(key) + self._after_key for key in keys])
            connection.send_packed_command([commands])
            return [connection.read_response() for _ in keys]
        except BaseException:
            # what it would answer next is of this question
            connection.disconnect()
            raise
        finally:
            pool.release(connection)


def _part(value: bytes) -> bytes:
    return b"$%d\r\n%b\r\n" % (len(value), value)


def _key(config: "RepoConfig", key: bytes) -> bytes:
    project: bytes = config.project.encode()
    return key + project


def _name(config: "RepoConfig", view: "FeatureView") -> str:
    from feast.infra.online_stores.helpers import compute_versioned_name

    name: str = compute_versioned_name(view, config.registry.enable_online_feature_view_versioning)
    return name


def _time_field(name: str) -> bytes:
    return TIME_FIELD + name.encode()


def _fields(name: str, features: Sequence[str]) -> list[bytes]:
    """The fields of features of the view `name`."""
    from feast.infra.online_stores.helpers import _mmh3

    return [_mmh3(f"{name}:{feature}") for feature in features]


def _arguments(features: Sequence[Column], rows: OnlineRows) -> Iterator[tuple[bytes | int, ...]]:
    columns = [serialise(values, feature.data_type) for feature, values in zip(features, rows.columns, strict=True)]
    clocks = map(cache(_microseconds), rows.feature_at), map(cache(_microseconds), rows.known_at)
    return zip(*clocks, map(cache(_timestamp), rows.feature_at), *columns, strict=True)


def _microseconds(moment: datetime) -> int:
    return (moment - EPOCH) // MICROSECOND


@lru_cache(10_000)
def _seconds(time: bytes | None) -> int:
    from google.protobuf.timestamp_pb2 import Timestamp  # type: ignore[import-untyped]

    seconds: int = Timestamp.FromString(time).seconds if time else 0
    return seconds


def _timestamp(moment: datetime) -> bytes:
    from google.protobuf.timestamp_pb2 import Timestamp

    timestamp = Timestamp()
    timestamp.FromDatetime(moment)
    serialised: bytes = timestamp.SerializeToString()
    return serialised
