"""What is read online is what Feast itself would have served."""

import socket
import threading
from contextlib import suppress
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import redis
from feast import FeatureStore
from feast.protos.feast.types.Value_pb2 import Value
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from feature_repo.contract import DataType
from feature_repo.online import OnlineReadError, open_reader, write_newest
from feature_repo.online_rows import MANY, deserialise, entity_keys, serialise
from tests.feature_repo.conftest import OTHER_TABLE, TABLE, open_online
from tests.redis_server import redis_server

DAY = pd.Timestamp("2026-01-06T01:02:03.456789")
NAMES = [column.name for column in TABLE.features]
VIEWS = {"users": NAMES, "more": ["city", "visits"]}
INT64 = st.integers(-(2**63), 2**63 - 1)
ROWS = st.fixed_dictionaries(
    {
        "visits": st.none() | INT64,
        "spent": st.none() | st.floats(allow_nan=False),
        "city": st.none() | st.text(),
        "is_new": st.none() | st.booleans(),
    }
)
USERS = st.sampled_from(["a", "b", "Łódź", "d"])


def served(store: FeatureStore, users: list[str]) -> dict[tuple[str, str], Any]:
    """What Feast answers, by view and feature, and by view and `ts`."""
    references = [f"{view}:{name}" for view, names in VIEWS.items() for name in names]
    answer = store.get_online_features(
        references, [{"user_pseudo_id": user} for user in users], full_feature_names=True
    ).to_dict(include_event_timestamps=True)
    values = {(view, name): answer[f"{view}__{name}"] for view, names in VIEWS.items() for name in names}
    times = {(view, "ts"): answer[f"{view}__{names[0]}__ts"] for view, names in VIEWS.items()}
    return values | times


def read(store: FeatureStore, users: list[str]) -> dict[tuple[str, str], Any]:
    """The same as we read it."""
    found = open_reader(store, VIEWS, patience=5).read(entity_keys("user_pseudo_id", users, 3))
    values: dict[tuple[str, str], Any] = {
        (view, name): list(rows.columns[name]) for view, rows in found.items() for name in rows.columns
    }
    return values | {(view, "ts"): list(rows.feature_at) for view, rows in found.items()}


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    written=st.lists(st.tuples(st.sampled_from([TABLE, OTHER_TABLE]), USERS, ROWS), max_size=6),
    users=st.lists(USERS | st.just("nobody"), min_size=1, max_size=6),
)
def test_values_and_times_of_many_users_are_those_that_feast_serves(
    online_store: FeatureStore, written: list[tuple[Any, str, dict[str, Any]]], users: list[str]
) -> None:
    for table, user, values in written:
        clocks = {"user_pseudo_id": user, "day": DAY, "feature_at": DAY, "known_at": DAY}
        write_newest(online_store, table, pd.DataFrame([{**clocks, **values}], dtype=object))

    assert read(online_store, users) == served(online_store, users)


def test_a_row_that_feast_wrote_is_read_as_feast_serves_it(online_store: FeatureStore) -> None:
    values = {"visits": 3, "spent": float("nan"), "city": None, "is_new": True}
    frame = pd.DataFrame([{"user_pseudo_id": "by feast", "day": DAY, "feature_at": DAY, "known_at": DAY, **values}])
    online_store.write_to_online_store("users", df=frame)

    assert read(online_store, ["by feast"]) == served(online_store, ["by feast"])


@pytest.mark.parametrize(
    ("data_type", "some_values"),
    [("string", st.text()), ("int64", INT64), ("float64", st.floats(allow_nan=False)), ("bool", st.booleans())],
)
@given(data=st.data())
def test_what_was_serialised_comes_back_with_its_type(
    data_type: DataType, some_values: st.SearchStrategy[Any], data: st.DataObject
) -> None:
    # many of one type are read another way than few, or than many of which some are null
    values = data.draw(st.lists(st.none() | some_values) | st.lists(some_values, min_size=MANY))
    back = deserialise(serialise(values, data_type))

    assert back == values
    assert [type(value) for value in back] == [type(value) for value in values]


def test_what_is_not_there_and_what_is_no_number_are_null() -> None:
    assert deserialise([None, b"", Value(double_val=float("nan")).SerializeToString()]) == [None, None, None]


def test_features_of_any_other_type_are_read_as_by_feast() -> None:
    assert deserialise([Value(int32_val=7).SerializeToString(), Value(bytes_val=b"x").SerializeToString()]) == [7, b"x"]


def test_a_feature_that_its_view_lacks_is_named(online_store: FeatureStore) -> None:
    with pytest.raises(OnlineReadError, match="Feature view users lacks shoe_size; apply the contract"):
        open_reader(online_store, {"users": ["visits", "shoe_size"]}, patience=5)


def test_a_store_whose_layout_is_not_known_is_refused(tmp_path: Path) -> None:
    store = open_online(tmp_path, type="remote", path="http://127.0.0.1:9")

    with pytest.raises(OnlineReadError, match="is of type 'remote'; use 'sqlite' or 'redis'"):
        open_reader(store, {"users": ["visits"]}, patience=5)


def test_a_redis_that_does_not_answer_is_given_up(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        address = f"127.0.0.1:{silent.getsockname()[1]}"
        store = open_online(tmp_path, type="redis", connection_string=address)
        with pytest.raises(redis.TimeoutError):
            open_reader(store, VIEWS, patience=0.01).read(entity_keys("user_pseudo_id", ["u"], 3))


def test_what_is_open_is_read_at_once_and_what_was_closed_is_opened_first(online_store: FeatureStore) -> None:
    reader, keys = open_reader(online_store, VIEWS, patience=5), entity_keys("user_pseudo_id", ["a", "nobody"], 3)
    before = reader.read_at_once(keys)
    found = reader.read(keys)

    assert before in (None, found)
    assert reader.read_at_once(keys) == found


def test_a_connection_that_redis_has_closed_is_opened_anew(tmp_path: Path) -> None:
    with redis_server(tmp_path) as address:
        store = open_online(tmp_path, type="redis", connection_string=address)
        reader, keys = open_reader(store, VIEWS, patience=5), entity_keys("user_pseudo_id", ["a"], 3)
        assert reader.read_at_once(keys) is None
        found = reader.read(keys)
        host, port = address.split(":")
        with redis.Redis(host, int(port)) as other:
            other.client_kill_filter(_type="normal", skipme=True)

        assert reader.read_at_once(keys) is None
        assert reader.read(keys) == found
        assert reader.read_at_once(keys) == found


def test_a_redis_of_which_the_rest_does_not_come_is_given_up_and_not_used_again(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as half:
        address = f"127.0.0.1:{half.getsockname()[1]}"
        store = open_online(tmp_path, type="redis", connection_string=address)
        reader, keys = open_reader(store, VIEWS, patience=0.2), entity_keys("user_pseudo_id", ["a", "b"], 3)

        def answer_one() -> None:
            taken, _ = half.accept()
            with taken, suppress(OSError):
                while data := taken.recv(65_536):
                    if b"HMGET" in data:
                        fields = sum(len(names) + 1 for names in VIEWS.values())
                        taken.sendall(b"*%d\r\n" % fields + b"$-1\r\n" * fields)
                    else:
                        taken.sendall(b"+OK\r\n" * data.count(b"*"))

        answering = threading.Thread(target=answer_one)
        answering.start()
        with pytest.raises((redis.RedisError, TimeoutError)):
            reader.read(keys)

        assert reader.read_at_once(keys) is None
        answering.join()
