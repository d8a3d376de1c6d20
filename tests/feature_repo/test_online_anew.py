"""What the online store comes to hold when a view begins anew, and when rows are withdrawn, on each kind of store."""

from collections.abc import Sequence
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import duckdb
import pandas as pd
import pytest
from feast import FeatureStore

from feature_repo.contract import FeatureTable
from feature_repo.offline import History, Marts
from feature_repo.online import OnlineWrite, clear, write_newest
from tests.feature_repo.conftest import OTHER_TABLE, TABLE, open_online

DAY = pd.Timestamp("2026-01-06")
USERS = ["1.10", "1.1", "Łódź", "1.1shop", ""]


def _rows(users: Sequence[str], visits: int, at: pd.Timestamp = DAY, known: pd.Timestamp = DAY) -> pd.DataFrame:
    row = {"day": DAY.normalize(), "feature_at": at, "known_at": known}
    values = {"visits": visits, "spent": 2.5, "city": "Łódź", "is_new": True}
    return pd.DataFrame([{"user_pseudo_id": user, **row, **values} for user in users])


def _served(store: FeatureStore, users: Sequence[str], table: FeatureTable = TABLE) -> list[Any]:
    rows = [{"user_pseudo_id": user} for user in users]
    answer: list[Any] = store.get_online_features([f"{table.view}:visits"], rows).to_dict()["visits"]
    return answer


def test_a_view_that_was_cleared_takes_older_rows(online_store: FeatureStore) -> None:
    write_newest(online_store, TABLE, _rows(USERS, 9))
    clear(online_store, TABLE)

    assert _served(online_store, USERS) == [None] * len(USERS)
    earlier = _rows(USERS, 1, at=DAY - pd.Timedelta(hours=1))
    assert write_newest(online_store, TABLE, earlier) == OnlineWrite(written=len(USERS), outdated=0)
    assert _served(online_store, USERS) == [1] * len(USERS)


def test_clearing_a_view_leaves_the_other_views_of_the_entity(online_store: FeatureStore) -> None:
    for table in (TABLE, OTHER_TABLE):
        write_newest(online_store, table, _rows(USERS, 9))
    clear(online_store, TABLE)

    assert _served(online_store, USERS) == [None] * len(USERS)
    assert _served(online_store, USERS, OTHER_TABLE) == [9] * len(USERS)


@pytest.mark.parametrize("other", ["myshop", "sho", "hop", "other"])
def test_clearing_a_view_leaves_the_same_view_of_other_projects(
    online_store: FeatureStore, tmp_path: Path, other: str
) -> None:
    stated = online_store.config.online_store.model_dump(exclude_none=True)
    neighbour = open_online(tmp_path, project=other, **stated)
    write_newest(neighbour, TABLE, _rows(USERS, 7))
    write_newest(online_store, TABLE, _rows(USERS, 9))
    clear(online_store, TABLE)

    assert _served(online_store, USERS) == [None] * len(USERS)
    assert _served(neighbour, USERS) == [7] * len(USERS)


def test_clearing_takes_every_key_of_a_large_view(online_store: FeatureStore, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("feature_repo.online_redis.SCANNED_A_CALL", 7)
    users = [f"large {number}" for number in range(100)]
    write_newest(online_store, TABLE, _rows(users, 9))
    clear(online_store, TABLE)

    assert _served(online_store, users) == [None] * len(users)


@pytest.mark.parametrize("clock", ["at", "known"])
@pytest.mark.parametrize("newest_is_first", [True, False])
def test_of_versions_written_at_once_within_a_second_the_newest_is_served(
    online_store: FeatureStore, clock: str, newest_is_first: bool
) -> None:
    user = [f"second {clock} {newest_is_first}"]
    versions = [_rows(user, 1), _rows(user, 2, **{clock: DAY + pd.Timedelta(microseconds=1)})]
    frame = pd.concat(reversed(versions) if newest_is_first else versions, ignore_index=True)

    assert write_newest(online_store, TABLE, frame) == OnlineWrite(written=1, outdated=1)
    assert _served(online_store, user) == [2]


def test_a_withdrawn_row_is_served_no_more(online_store: FeatureStore, tmp_path: Path) -> None:
    """By a user whom a late delivery withdrew, and one whose row it moved to an earlier moment."""
    marts, history = Marts(tmp_path / "warehouse.duckdb", "main"), History.of(tmp_path, TABLE)
    days, users = [date(2026, 1, 6)], ["withdrawn", "moved", "kept"]
    first = _rows(users, 9)
    moved = _rows(["moved"], 5, at=DAY - pd.Timedelta(hours=1))
    for hour, held in enumerate([first, pd.concat([moved, _rows(["kept"], 9)], ignore_index=True)]):
        with duckdb.connect(str(marts.warehouse)) as connection:
            connection.register("held", held)
            connection.execute(f"create or replace table {TABLE.name} as select * replace (day::date as day) from held")
        history.publish(marts, days, datetime(2026, 1, 7, hour, tzinfo=UTC))
        write_newest(online_store, TABLE, history.read_to_serve(days[0]))

    assert _served(online_store, users) == [None, 5, 9]
