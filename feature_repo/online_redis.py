"""Guarded writes into the hashes of Feast's Redis online store.

Feast keeps one hash an entity, and in it a field for each feature and one for the time of each view. Beside the latter
stands a field of ours, which Feast's readers don't ask for: both clocks of the row. It counts only while its
`feature_at` is the view's time, so that a row written by Feast itself was known long ago.
"""

import re
import struct
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING

from feature_repo.contract import Column
from feature_repo.online_redis_layout import feature_fields, hash_key, name_of, time_field
from feature_repo.online_rows import OnlineRows, OnlineWriteError, entity_keys, serialise

if TYPE_CHECKING:
    from feast import FeatureView, RepoConfig
    from feast.infra.online_stores.redis import RedisOnlineStore

EPOCH = datetime(1970, 1, 1)
MICROSECOND = timedelta(microseconds=1)
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
            keys, rows = [hash_key(self.config, key) for key in chunk.keys], list(_arguments(features, chunk))
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
        prefix, ending = prefix[: -LENGTH.size], hash_key(self.config, b"")
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
        times = {time_field(name_of(self.config, view)) for view in views}
        with self.store._get_client(self.config.online_store).pipeline(transaction=True) as pipeline:
            pipeline.hkeys(hash_key(self.config, key))
            pipeline.delete(hash_key(self.config, key))
            fields, _ = pipeline.execute()
        return len(times.intersection(fields))

    def _shared(self, view: "FeatureView", features: Sequence[Column]) -> list[bytes | int]:
        time, clocks, *fields = self._fields(view, features)
        return [self.config.online_store.key_ttl_seconds or 0, time, clocks, len(features), *fields]

    def _fields(self, view: "FeatureView", features: Sequence[Column]) -> list[bytes]:
        """The fields of the view's time, of our clocks and of the features."""
        name = name_of(self.config, view)
        return [time_field(name), CLOCKS_FIELD + name.encode(), *feature_fields(name, [each.name for each in features])]


def _arguments(features: Sequence[Column], rows: OnlineRows) -> Iterator[tuple[bytes | int, ...]]:
    columns = [serialise(values, feature.data_type) for feature, values in zip(features, rows.columns, strict=True)]
    clocks = map(cache(_microseconds), rows.feature_at), map(cache(_microseconds), rows.known_at)
    return zip(*clocks, map(cache(_timestamp), rows.feature_at), *columns, strict=True)


def _microseconds(moment: datetime) -> int:
    return (moment - EPOCH) // MICROSECOND


def _timestamp(moment: datetime) -> bytes:
    from google.protobuf.timestamp_pb2 import Timestamp  # type: ignore[import-untyped]

    timestamp = Timestamp()
    timestamp.FromDatetime(moment)
    serialised: bytes = timestamp.SerializeToString()
    return serialised
