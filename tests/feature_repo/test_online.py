from dataclasses import replace
from typing import Any

import pandas as pd
from feast import FeatureStore

from feature_repo.online import OnlineWrite, compare, write_newest
from tests.feature_repo.conftest import TABLE

DAY = pd.Timestamp("2026-01-06")


def _rows(*users: str, at: pd.Timestamp = DAY, **overrides: Any) -> pd.DataFrame:
    row = {"feature_at": at, "known_at": at, "visits": 1, "spent": 2.5, "city": "Łódź", "is_new": True}
    return pd.DataFrame([{"user_pseudo_id": user, "day": at, **row, **overrides} for user in users])


def _served(store: FeatureStore, user: str, name: str) -> Any:
    return store.get_online_features([f"users:{name}"], [{"user_pseudo_id": user}]).to_dict()[name][0]


def test_what_was_written_is_served(store: FeatureStore) -> None:
    rows = _rows("a", "b")

    assert write_newest(store, TABLE, rows) == OnlineWrite(written=2, outdated=0)
    assert compare(store, TABLE, rows).different == 0


def test_an_older_row_never_takes_a_newer_one_s_place(store: FeatureStore) -> None:
    write_newest(store, TABLE, _rows("c", visits=9))

    late = _rows("c", at=DAY - pd.Timedelta(days=5), visits=1)

    assert write_newest(store, TABLE, late) == OnlineWrite(written=0, outdated=1)
    assert _served(store, "c", "visits") == 9


def test_a_corrected_row_of_the_same_moment_arrives(store: FeatureStore) -> None:
    write_newest(store, TABLE, _rows("d", visits=1))
    write_newest(store, TABLE, _rows("d", visits=2))

    assert _served(store, "d", "visits") == 2


def test_nulls_are_nulls_on_both_sides(store: FeatureStore) -> None:
    rows = _rows("e", "f")
    rows.loc[0, ["spent", "city"]] = None
    rows["visits"] = pd.array([None, 3], dtype="Int64")
    write_newest(store, TABLE, rows)

    assert _served(store, "e", "city") is None
    assert compare(store, TABLE, rows).different == 0


def test_a_difference_is_counted_and_named(store: FeatureStore) -> None:
    write_newest(store, TABLE, _rows("g", "h"))

    parity = compare(store, TABLE, pd.concat([_rows("g"), _rows("h", spent=3.0)], ignore_index=True))

    assert (parity.compared, parity.different, parity.features) == (2, 1, ("spent",))


def test_an_entity_that_is_not_served_differs_in_every_feature(store: FeatureStore) -> None:
    parity = compare(store, TABLE, _rows("nobody"))

    assert parity.features == tuple(column.name for column in TABLE.features)


def test_a_table_of_many_rows_is_written_in_pieces(store: FeatureStore, monkeypatch: Any) -> None:
    monkeypatch.setattr("feature_repo.online.CHUNK", 2)
    rows = _rows("p", "q", "r")

    assert write_newest(store, replace(TABLE), rows).written == 3
    assert compare(store, TABLE, rows).different == 0
