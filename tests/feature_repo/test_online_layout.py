"""What is written online is what Feast itself would have written."""

import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any, TypeVar

import pandas as pd
import pytest
from feast import FeatureStore, ValueType
from feast.infra.key_encoding_utils import serialize_entity_key
from feast.protos.feast.types.EntityKey_pb2 import EntityKey
from feast.protos.feast.types.Value_pb2 import Value
from feast.type_map import python_values_to_proto_values
from hypothesis import given
from hypothesis import strategies as st

from feature_repo.contract import KNOWN_AT, DataType
from feature_repo.online import delete, write_newest
from feature_repo.online_redis import CLOCKS_FIELD
from feature_repo.online_rows import OnlineWriteError, build_rows, entity_keys, serialise
from tests.feature_repo.conftest import TABLE, open_online

DAY = pd.Timestamp("2026-01-06T01:02:03.456789")
ROW = {"user_pseudo_id": "u", "day": DAY, "feature_at": DAY, "known_at": DAY + pd.Timedelta(hours=7)}
VALUES = {"visits": -3, "spent": -0.0, "city": "Łódź", "is_new": False}
Stored = TypeVar("Stored")
INT64 = st.integers(-(2**63), 2**63 - 1)


def _as_feast_does(values: list[Any], value_type: ValueType) -> list[bytes]:
    return [value.SerializeToString() for value in python_values_to_proto_values(values, value_type)]


@pytest.mark.parametrize(
    ("column", "data_type", "value_type", "some_values"),
    [
        ("city", "string", ValueType.STRING, st.text()),
        ("visits", "int64", ValueType.INT64, INT64),
        ("spent", "float64", ValueType.DOUBLE, st.floats()),
        ("is_new", "bool", ValueType.BOOL, st.booleans()),
    ],
)
@given(data=st.data())
def test_a_value_is_serialised_as_by_feast(
    column: str, data_type: DataType, value_type: ValueType, some_values: st.SearchStrategy[Any], data: st.DataObject
) -> None:
    values = data.draw(st.lists(st.none() | some_values, min_size=1))
    frame = pd.DataFrame([{**ROW, **VALUES}] * len(values)).assign(**{column: pd.Series(values, dtype=object)})
    position = [feature.name for feature in TABLE.features].index(column)

    scalars = build_rows(TABLE, frame, key_version=3).columns[position]

    assert serialise(scalars, data_type) == _as_feast_does(values, value_type)


@given(name=st.text(min_size=1, max_size=20), values=st.lists(st.text(max_size=300)))
def test_a_key_is_serialised_as_by_feast(name: str, values: list[str]) -> None:
    expected = [
        serialize_entity_key(EntityKey(join_keys=[name], entity_values=[Value(string_val=value)]), 3)
        for value in values
    ]

    assert entity_keys(name, values, 3) == expected


def test_another_serialisation_of_keys_is_refused() -> None:
    with pytest.raises(OnlineWriteError, match="entity_key_serialization_version is 2; set it to 3"):
        entity_keys("user_pseudo_id", ["u"], 2)


def test_a_moment_with_a_time_zone_is_kept_as_utc() -> None:
    frame = pd.DataFrame([{**ROW, **VALUES}])
    zoned = frame.assign(feature_at=frame["feature_at"].dt.tz_localize("UTC").dt.tz_convert("Asia/Tokyo"))

    assert build_rows(TABLE, zoned, 3).feature_at == build_rows(TABLE, frame, 3).feature_at == [DAY.to_pydatetime()]


def test_sqlite_holds_what_feast_would_have_written(sqlite_store: FeatureStore) -> None:
    frame = pd.DataFrame([{**ROW, **VALUES}, {**ROW, "user_pseudo_id": "v", **dict.fromkeys(VALUES)}])

    keys = entity_keys("user_pseudo_id", ["u", "v"], 3)
    query = "select * from shop_users where entity_key in (?, ?) order by entity_key, feature_name"

    def stored() -> list[tuple[Any, ...]]:
        with closing(sqlite3.connect(sqlite_store.config.online_store.path)) as connection:
            return connection.execute(query, keys).fetchall()

    ours, feast = _both_ways(sqlite_store, frame, stored)

    assert len(ours) == 2 * len(VALUES)
    assert ours == feast


def test_redis_holds_what_feast_would_have_written_and_our_clocks(redis_store: FeatureStore) -> None:
    frame = pd.DataFrame([{**ROW, **VALUES}])
    (key,) = entity_keys("user_pseudo_id", ["u"], 3)

    ours, feast = _both_ways(redis_store, frame, lambda: _client(redis_store).hgetall(key + b"shop"))

    assert ours.pop(CLOCKS_FIELD + b"users") == b"1767661323456789 1767686523456789"
    assert ours == feast
    assert len(feast) == len(VALUES) + 1


def _both_ways(store: FeatureStore, frame: pd.DataFrame, stored: Callable[[], Stored]) -> tuple[Stored, Stored]:
    """What `stored` tells after our write, and after Feast's."""
    write_newest(store, TABLE, frame)
    ours = stored()
    for user in frame["user_pseudo_id"]:
        delete(store, "user_pseudo_id", user)
    store.write_to_online_store(TABLE.view, df=frame)
    return ours, stored()


def test_redis_tells_microseconds_apart(redis_store: FeatureStore) -> None:
    row = pd.DataFrame([{**ROW, **VALUES, "user_pseudo_id": "microseconds"}])
    write_newest(redis_store, TABLE, row)

    for clock in ("feature_at", KNOWN_AT):
        older = row.assign(**{clock: row[clock] - pd.Timedelta(microseconds=1)})
        assert write_newest(redis_store, TABLE, older).outdated == 1


def test_redis_keys_live_as_long_as_the_store_states(tmp_path: Path, redis_address: str) -> None:
    store = open_online(tmp_path, type="redis", connection_string=f"{redis_address},db=1", key_ttl_seconds=1_000)
    write_newest(store, TABLE, pd.DataFrame([{**ROW, **VALUES}]))

    (key,) = _client(store).keys("*")
    assert 0 < _client(store).ttl(key) <= 1_000


def test_a_redis_cluster_is_refused(tmp_path: Path) -> None:
    store = open_online(tmp_path, type="redis", redis_type="redis_cluster", connection_string="127.0.0.1:9")

    with pytest.raises(OnlineWriteError, match="is a redis_cluster; use redis or redis_sentinel"):
        write_newest(store, TABLE, pd.DataFrame([{**ROW, **VALUES}]))


def _client(store: FeatureStore) -> Any:
    return store._get_provider().online_store._get_client(store.config.online_store)
