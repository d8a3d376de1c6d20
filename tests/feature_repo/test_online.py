"""What holds of the guarded write on each kind of online store, as stock Feast reads it."""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from itertools import count
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from feast import FeatureStore
from feast.protos.feast.types.EntityKey_pb2 import EntityKey
from feast.protos.feast.types.Value_pb2 import Value
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from feature_repo.online import OnlineWrite, Parity, compare, delete, write_newest
from feature_repo.online_rows import OnlineWriteError
from tests.feature_repo.conftest import OTHER_TABLE, TABLE, open_online

DAY = pd.Timestamp("2026-01-06")
HOUR = pd.Timedelta(hours=1)
NAMES = [column.name for column in TABLE.features]
some_user = (f"user {number}" for number in count())


def _rows(*users: str, at: pd.Timestamp = DAY, known: pd.Timestamp | None = None, **overrides: Any) -> pd.DataFrame:
    row = {"feature_at": at, "known_at": known or at, "visits": 1, "spent": 2.5, "city": "Łódź", "is_new": True}
    return pd.DataFrame([{"user_pseudo_id": user, "day": at, **row, **overrides} for user in users])


def _served(store: FeatureStore, user: str, name: str = "visits") -> Any:
    return store.get_online_features([f"users:{name}"], [{"user_pseudo_id": user}]).to_dict()[name][0]


def _time_served(store: FeatureStore, user: str, names: Sequence[str] = NAMES) -> set[int]:
    """The seconds since 1970 from which the features of a user are said to hold."""
    answer = store.get_online_features([f"users:{name}" for name in names], [{"user_pseudo_id": user}])
    found = answer.to_dict(include_event_timestamps=True)
    return {found[f"{name}__ts"][0] for name in names}


def _write_as_feast_does(store: FeatureStore, user: str, at: pd.Timestamp, visits: int) -> None:
    """By Feast's own writer, which was told of no `known_at`."""
    key = EntityKey(join_keys=["user_pseudo_id"], entity_values=[Value(string_val=user)])
    values = {name: Value() for name in NAMES} | {"visits": Value(int64_val=visits)}
    row = (key, values, at.to_pydatetime(), None)
    store._get_provider().online_write_batch(store.config, store.get_feature_view("users"), [row], None)


def test_what_was_written_is_served(online_store: FeatureStore) -> None:
    rows = _rows("a", "b")

    assert write_newest(online_store, TABLE, rows) == OnlineWrite(written=2, outdated=0)
    assert compare(online_store, TABLE, rows).different == 0
    assert _time_served(online_store, "a") == {int(DAY.timestamp())}


def test_no_rows_are_nothing_to_write(online_store: FeatureStore) -> None:
    assert write_newest(online_store, TABLE, _rows("a").head(0)) == OnlineWrite(written=0, outdated=0)


def test_an_older_row_never_takes_a_newer_one_s_place(online_store: FeatureStore) -> None:
    write_newest(online_store, TABLE, _rows("c", visits=9))

    late = _rows("c", at=DAY - HOUR, known=DAY + HOUR, visits=1)

    assert write_newest(online_store, TABLE, late) == OnlineWrite(written=0, outdated=1)
    assert _served(online_store, "c") == 9


def test_a_correction_of_the_same_moment_arrives_and_stays(online_store: FeatureStore) -> None:
    corrected, first = _rows("d", known=DAY + 2 * HOUR, visits=2), _rows("d", known=DAY + HOUR, visits=1)
    write_newest(online_store, TABLE, first)

    assert write_newest(online_store, TABLE, corrected) == OnlineWrite(written=1, outdated=0)
    assert write_newest(online_store, TABLE, first) == OnlineWrite(written=0, outdated=1)
    assert _served(online_store, "d") == 2
    assert _time_served(online_store, "d") == {int(DAY.timestamp())}


def test_the_same_rows_can_be_written_again(online_store: FeatureStore) -> None:
    write_newest(online_store, TABLE, _rows("e", visits=1))

    assert write_newest(online_store, TABLE, _rows("e", visits=1)) == OnlineWrite(written=1, outdated=0)
    assert _served(online_store, "e") == 1


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    versions=st.lists(st.tuples(st.integers(0, 1), st.integers(0, 3), st.integers(0, 3)), min_size=1, max_size=12),
    rows_a_write=st.integers(1, 4),
)
def test_in_any_order_of_writes_the_newest_version_of_each_user_is_served(
    online_store: FeatureStore, versions: list[tuple[int, int, int]], rows_a_write: int
) -> None:
    """Versions are (user, feature_at, known_at); of two with equal clocks the later written counts."""
    users = [next(some_user), next(some_user)]
    newest: dict[str, tuple[int, int, int]] = {}
    stated = [(users[user], (at, known, visits)) for visits, (user, at, known) in enumerate(versions)]
    for start in range(0, len(stated), rows_a_write):
        write = stated[start : start + rows_a_write]
        before = dict(newest)
        for user, row in write:
            newest[user] = max(newest.get(user, row), row)

        rows = [_rows(user, at=DAY + at * HOUR, known=DAY + known * HOUR, visits=n) for user, (at, known, n) in write]
        outcome = write_newest(online_store, TABLE, pd.concat(rows, ignore_index=True))

        changed = sum(before.get(user) != row for user, row in newest.items())
        assert outcome == OnlineWrite(written=changed, outdated=len(write) - changed)
        assert {user: _served(online_store, user) for user in newest} == {user: row[2] for user, row in newest.items()}


def test_two_writers_at_once_leave_the_newest_version_of_each_user(online_store: FeatureStore) -> None:
    users = [f"both {number}" for number in range(50)]
    versions = [_rows(*users, at=DAY + hours * HOUR, visits=hours) for hours in range(8)]
    write_newest(online_store, TABLE, _rows(*users, at=DAY - HOUR, visits=-1))
    stores = online_store, FeatureStore(config=online_store.config)

    with ThreadPoolExecutor(2) as pool:
        ups = pool.submit(lambda: [write_newest(stores[0], TABLE, rows) for rows in versions])
        downs = pool.submit(lambda: [write_newest(stores[1], TABLE, rows) for rows in reversed(versions)])
        ups.result(), downs.result()

    assert compare(online_store, TABLE, versions[-1]).different == 0


def test_a_row_that_feast_wrote_was_known_long_ago(online_store: FeatureStore) -> None:
    _write_as_feast_does(online_store, "f", DAY, visits=1)

    assert write_newest(online_store, TABLE, _rows("f", at=DAY - HOUR, known=DAY)).outdated == 1
    assert write_newest(online_store, TABLE, _rows("f", known=DAY - 99 * HOUR, visits=2)).written == 1
    assert _served(online_store, "f") == 2


def test_a_row_that_feast_wrote_over_ours_was_known_long_ago(online_store: FeatureStore) -> None:
    write_newest(online_store, TABLE, _rows("g", at=DAY, known=DAY + 99 * HOUR, visits=1))
    _write_as_feast_does(online_store, "g", DAY + HOUR, visits=2)

    assert write_newest(online_store, TABLE, _rows("g", at=DAY + HOUR, known=DAY + HOUR, visits=3)).written == 1
    assert _served(online_store, "g") == 3


def test_nulls_are_nulls_on_both_sides(online_store: FeatureStore) -> None:
    rows = _rows("h", "i")
    rows.loc[0, ["spent", "city", "is_new"]] = None
    rows["visits"] = pd.array([None, 2**60 + 1], dtype="Int64")
    write_newest(online_store, TABLE, rows)

    assert [_served(online_store, "h", name) for name in NAMES] == [None] * len(NAMES)
    assert _served(online_store, "i") == 2**60 + 1
    assert compare(online_store, TABLE, rows).different == 0


def test_a_value_that_became_null_is_served_as_null(online_store: FeatureStore) -> None:
    write_newest(online_store, TABLE, _rows("j"))
    write_newest(online_store, TABLE, _rows("j", at=DAY + HOUR, city=None))

    assert _served(online_store, "j", "city") is None


def test_a_difference_is_counted_and_named(online_store: FeatureStore) -> None:
    write_newest(online_store, TABLE, _rows("k", "l"))

    parity = compare(online_store, TABLE, pd.concat([_rows("k"), _rows("l", spent=3.0)], ignore_index=True))

    assert (parity.compared, parity.different, parity.features) == (2, 1, ("spent",))


def test_an_entity_that_is_not_served_differs_in_every_feature(online_store: FeatureStore) -> None:
    parity = compare(online_store, TABLE, _rows("nobody"))

    assert parity.features == tuple(NAMES)


def test_a_table_without_rows_is_written_and_compared(online_store: FeatureStore) -> None:
    rows = _rows("nobody").head(0)

    assert write_newest(online_store, TABLE, rows) == OnlineWrite(written=0, outdated=0)
    assert compare(online_store, TABLE, rows) == Parity(0, 0, ())


def test_a_table_of_many_rows_is_written_in_chunks(online_store: FeatureStore, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("feature_repo.online.CHUNK", 60)
    rows = _rows(*(f"many {number}" for number in range(200)))
    rows["visits"] = range(200)

    assert write_newest(online_store, TABLE, rows).written == 200
    assert compare(online_store, TABLE, rows).different == 0


def test_a_write_that_stops_half_way_leaves_each_user_old_or_new(
    online_store: FeatureStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("feature_repo.online.CHUNK", 2)
    users = ["half 1", "half 2", "half 3", "half 4"]
    write_newest(online_store, TABLE, _rows(*users, visits=1))
    unwritable = pd.concat([_rows(*users[:3], visits=2), _rows(users[3], visits=2, city="\ud800")], ignore_index=True)

    with pytest.raises(UnicodeEncodeError):
        write_newest(online_store, TABLE, unwritable)

    assert [_served(online_store, user) for user in users] == [2, 2, 1, 1]


@pytest.mark.parametrize("dropped", NAMES)
def test_a_feature_that_left_the_contract_does_not_keep_its_time(online_store: FeatureStore, dropped: str) -> None:
    user = f"without {dropped}"
    left = replace(TABLE, columns=tuple(column for column in TABLE.columns if column.name != dropped))
    write_newest(online_store, TABLE, _rows(user))
    write_newest(online_store, left, _rows(user, at=DAY + HOUR))

    names = [column.name for column in left.features]
    assert _time_served(online_store, user, names) == {int((DAY + HOUR).timestamp())}


def test_exactly_one_user_is_deleted_from_every_view(online_store: FeatureStore) -> None:
    neighbours = ["1", "1.1", "1.100", "1.10 ", "11.10", "1.1%", "1.1_"]
    for table in (TABLE, OTHER_TABLE):
        write_newest(online_store, table, _rows("1.10", *neighbours))

    assert delete(online_store, "user_pseudo_id", "1.10") == 2
    assert delete(online_store, "user_pseudo_id", "1.10") == 0
    assert _time_served(online_store, "1.10") == {0}
    for table in (TABLE, OTHER_TABLE):
        assert compare(online_store, table, _rows(*neighbours)).different == 0


@pytest.mark.parametrize("name", ["user_pseudo_id", "feature_at", "known_at"])
def test_a_null_key_or_clock_is_refused_by_name(online_store: FeatureStore, name: str) -> None:
    with pytest.raises(OnlineWriteError, match=rf"Column fct_users\.{name} is null in a row"):
        write_newest(online_store, TABLE, _rows("m", "n").assign(**{name: [None, _rows("n")[name][0]]}))


def test_another_kind_of_store_is_refused_by_name(tmp_path: Path) -> None:
    store = open_online(tmp_path, type="remote", path="http://127.0.0.1:9")

    with pytest.raises(OnlineWriteError, match="The online store is of type 'remote'; use 'sqlite' or 'redis'"):
        write_newest(store, TABLE, _rows("o"))
