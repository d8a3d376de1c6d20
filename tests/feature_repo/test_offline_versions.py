"""What is published stays as it was known; what changes is published beside it."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import duckdb
import pandas as pd
import pytest
from feast import FeatureStore

from feature_repo.offline import MOMENT, History, Marts, Publication, training_frame
from tests.feature_repo.conftest import TABLE

ZONE = ZoneInfo("Europe/Warsaw")
FIRST, SECOND, THIRD = date(2026, 1, 1), date(2026, 1, 2), date(2026, 1, 3)
NAMES = [column.name for column in TABLE.columns]


def _at(hour: int, day: int = 3) -> datetime:
    return datetime(2026, 1, day, hour, tzinfo=ZONE)


def _row(user: str, visits: int, day: date = FIRST, feature_at: str | None = None) -> tuple[Any, ...]:
    """A row that describes the end of its day, and is known six hours later."""
    end = pd.Timestamp(feature_at) if feature_at else pd.Timestamp(day) + pd.Timedelta(hours=23)
    return user, day, end, end if feature_at else end + pd.Timedelta(hours=6), visits, 1.5, None, False


class Shop:
    """A warehouse whose one table is published to the home of `store`."""

    def __init__(self, folder: Path, home: Path) -> None:
        self.marts = Marts(folder / "warehouse.duckdb", "main")
        self.history = History.of(home, TABLE)

    def holds(self, *rows: tuple[Any, ...]) -> None:
        types = ["varchar", "date", "timestamp", "timestamp", "bigint", "double", "varchar", "boolean"]
        with duckdb.connect(str(self.marts.warehouse)) as connection:
            columns = ", ".join(f"{name} {kind}" for name, kind in zip(NAMES, types, strict=True))
            connection.execute(f"create or replace table {TABLE.name} ({columns})")
            for row in rows:
                connection.execute(f"insert into {TABLE.name} values (?, ?, ?, ?, ?, ?, ?, ?)", row)

    def publish(self, now: datetime, *days: date) -> Publication:
        return self.history.publish(self.marts, days or (FIRST,), now)

    def files(self) -> dict[str, bytes]:
        return {file.name: file.read_bytes() for file in self.history.folder.iterdir()}

    def current(self, first: date = FIRST, last: date = SECOND) -> dict[str, int]:
        rows = self.history.read(first, last)
        assert list(rows.columns) == NAMES
        return dict(zip(rows["user_pseudo_id"], rows["visits"], strict=True))


@pytest.fixture
def shop(tmp_path: Path, home: Path) -> Iterator[Shop]:
    shop = Shop(tmp_path, home)
    yield shop
    shop.history.forget()


def _known(store: FeatureStore, user: str, *moments: str) -> list[float | None]:
    """The visits of a user as they were known at some moments, UTC."""
    labels = pd.DataFrame({"user_pseudo_id": user, MOMENT: [pd.Timestamp(f"2026-01-{moment}") for moment in moments]})
    visits = training_frame(store, "m_v1", labels).sort_values(MOMENT)["visits"]
    return [None if pd.isna(value) else float(value) for value in visits]


def test_days_are_published_and_read_back(shop: Shop) -> None:
    shop.holds(_row("u", 1), _row("v", 2, SECOND), _row("w", 3, SECOND))

    assert shop.publish(_at(7), FIRST, SECOND) == Publication(rows=3, corrections=0)
    assert shop.current() == {"u": 1, "v": 2, "w": 3}
    assert shop.current(FIRST, FIRST) == {"u": 1}


def test_the_same_rows_are_published_once(shop: Shop) -> None:
    shop.holds(_row("u", 1), _row("v", 2, SECOND))
    shop.publish(_at(7), FIRST, SECOND)
    published = shop.files()

    assert shop.publish(_at(8), FIRST, SECOND) == Publication(rows=2, corrections=0)
    assert shop.files() == published


def test_the_last_digits_of_a_sum_are_no_correction(shop: Shop) -> None:
    user, day, feature_at, known_at, visits, seconds, *others = _row("u", 1)
    shop.holds((user, day, feature_at, known_at, visits, seconds, *others))
    shop.publish(_at(7))

    for more, corrections in ((1e-12, 0), (1e-3, 1)):
        shop.holds((user, day, feature_at, known_at, visits, seconds + more, *others))
        assert shop.publish(_at(8)).corrections == corrections


def test_later_days_are_corrected_of_whoever_was_there(shop: Shop) -> None:
    shop.holds(_row("u", 1), _row("u", 1, SECOND), _row("v", 1, SECOND))
    shop.publish(_at(7), FIRST, SECOND)
    shop.holds(_row("u", 2), _row("u", 2, SECOND), _row("v", 2, SECOND), _row("u", 2, THIRD))

    corrected = shop.history.publish(shop.marts, [FIRST], _at(8), remembering=[SECOND, THIRD])

    assert corrected == Publication(rows=1, corrections=2)
    assert shop.current(SECOND, THIRD) == {"u": 2, "v": 1}, "a day that was never published waits for its own run"


def test_a_corrected_row_is_known_from_its_publication_and_the_former_one_until_then(
    shop: Shop, store: FeatureStore
) -> None:
    shop.holds(_row("u", 1), _row("v", 2))
    shop.publish(_at(7))
    shop.holds(_row("u", 9), _row("v", 2))

    assert shop.publish(_at(13)) == Publication(rows=2, corrections=1)
    assert shop.current() == {"u": 9, "v": 2}
    # 13 o'clock in Warsaw is noon
    assert _known(store, "u", "02 04:00", "02 05:00", "03 11:59:59", "03 12:00") == [None, 1, 1, 9]


def test_a_row_that_turns_null_or_back_is_a_correction(shop: Shop, store: FeatureStore) -> None:
    shop.holds((*_row("u", 1)[:-2], "Gdynia", False))
    shop.publish(_at(7))
    shop.holds(_row("u", 1))

    assert shop.publish(_at(8)).corrections == 1
    assert shop.history.read(FIRST, FIRST)["city"].isna().all()


def test_what_only_its_known_at_tells_apart_is_the_same_row(shop: Shop) -> None:
    shop.holds(_row("u", 1))
    shop.publish(_at(7))
    row = list(_row("u", 1))
    row[NAMES.index("known_at")] += pd.Timedelta(hours=3)
    shop.holds(tuple(row))

    assert shop.publish(_at(8)).corrections == 0


def test_a_row_that_is_no_more_is_known_until_then(shop: Shop, store: FeatureStore) -> None:
    shop.holds(_row("u", 1), _row("v", 2))
    shop.publish(_at(7))
    shop.holds(_row("v", 2))

    assert shop.publish(_at(13)).corrections == 1
    assert shop.current() == {"v": 2}
    assert _known(store, "u", "03 11:59:59", "03 12:00") == [1, None]
    assert shop.publish(_at(14)).corrections == 0


def test_where_days_tell_of_some_what_is_served_is_the_newest_of_each_as_long_as_it_counts(shop: Shop) -> None:
    shop.holds(
        *(_row("daily", visits, day) for visits, day in enumerate((FIRST, SECOND, THIRD), start=1)),
        _row("not since", 4, SECOND),
        _row("long ago", 5, FIRST),
    )
    shop.publish(_at(7), FIRST, SECOND, THIRD)
    of_some = replace(TABLE, every_day=False, ttl=timedelta(days=2))

    def served() -> dict[str, tuple[float, bool]]:
        rows = History(of_some, shop.history.folder).read_to_serve(THIRD)
        assert rows["user_pseudo_id"].is_unique
        stated = zip(rows["visits"].fillna(-1), rows["is_retracted"], strict=True)
        return dict(zip(rows["user_pseudo_id"], stated, strict=True))

    assert served() == {"daily": (3, False), "not since": (4, False)}
    shop.holds(_row("daily", 2, SECOND), _row("not since", 6, SECOND), _row("long ago", 5, FIRST))
    shop.publish(_at(13), FIRST, SECOND, THIRD)
    # the third day's row is no more: what stood before it does
    assert served() == {"daily": (2, True), "not since": (6, False)}


def test_what_is_served_is_a_day_and_the_withdrawn_rows_up_to_it(shop: Shop) -> None:
    shop.holds(_row("u", 1), _row("v", 2), _row("w", 3, SECOND), _row("x", 4, SECOND))
    shop.publish(_at(7), FIRST, SECOND)

    def served() -> dict[str, tuple[float, bool]]:
        rows = shop.history.read_to_serve(SECOND)
        stated = zip(rows["visits"].fillna(-1), rows["is_retracted"], strict=True)
        return dict(zip(rows["user_pseudo_id"], stated, strict=True))

    assert served() == {"w": (3, False), "x": (4, False)}
    shop.holds(_row("v", 5), _row("x", 4, SECOND))
    shop.publish(_at(13), FIRST, SECOND)
    assert served() == {"u": (-1, True), "w": (-1, True), "x": (4, False)}
    shop.holds(_row("u", 1), _row("v", 5), _row("x", 4, SECOND))
    shop.publish(_at(14), FIRST, SECOND)
    assert served() == {"w": (-1, True), "x": (4, False)}


def test_the_row_before_one_that_is_no_more_counts_again_and_is_followed(shop: Shop, store: FeatureStore) -> None:
    first, second = _row("u", 1, feature_at="2026-01-01 10:00"), _row("u", 2, feature_at="2026-01-01 11:00")
    shop.holds(first, second)
    shop.publish(_at(7))
    shop.holds(first)
    shop.publish(_at(13))
    shop.holds(_row("u", 5, feature_at="2026-01-01 10:00"))
    shop.publish(_at(14))

    assert shop.current() == {"u": 5}
    assert _known(store, "u", "01 10:30", "01 11:30", "03 12:00", "03 13:00") == [1, 2, 1, 5]


def test_a_row_that_comes_back_is_current_again(shop: Shop, store: FeatureStore) -> None:
    for hour, rows in [(7, [_row("u", 1)]), (13, []), (14, [_row("u", 1)])]:
        shop.holds(*rows)
        shop.publish(_at(hour))

    assert shop.current() == {"u": 1}
    assert _known(store, "u", "03 11:00", "03 12:30", "03 13:00") == [1, None, 1]


def test_a_version_is_later_than_the_one_before_it_whatever_the_clock_says(shop: Shop) -> None:
    shop.holds(_row("u", 1))
    shop.publish(_at(7, day=1))
    shop.holds(_row("u", 2))
    shop.publish(_at(8, day=1))

    assert shop.current() == {"u": 2}
    known = duckdb.execute(f"select known_at from '{shop.history.folder}/*.parquet' order by visits").fetchall()
    assert [str(at) for (at,) in known] == ["2026-01-02 05:00:00", "2026-01-02 05:00:00.000001"]


def test_moments_after_midnight_join_a_published_day_as_they_were_heard(shop: Shop, store: FeatureStore) -> None:
    """Midnight in Warsaw is an hour before midnight UTC; a row of the day itself is known late."""
    evening = _row("u", 1, feature_at="2026-01-01 22:50")
    shop.holds(evening)
    shop.publish(_at(7, day=2))
    shop.holds(evening, _row("u", 2, feature_at="2026-01-01 22:55"), _row("u", 3, feature_at="2026-01-01 23:05"))
    shop.publish(_at(7, day=3), FIRST, SECOND)

    assert _known(store, "u", "01 22:51", "01 22:56", "01 23:06", "03 06:00") == [1, 1, 3, 3]


def test_a_forgotten_history_begins_anew(shop: Shop) -> None:
    shop.holds(_row("u", 1))
    shop.publish(_at(7))
    shop.holds(_row("u", 2))
    shop.publish(_at(8))
    shop.history.forget()

    assert shop.publish(_at(9)) == Publication(rows=1, corrections=0)
    assert shop.current() == {"u": 2}
    assert list(shop.files()) == ["2026-01-01.parquet"]


def test_a_publication_that_fails_leaves_nothing_half_written(shop: Shop) -> None:
    shop.holds(_row("u", 1))
    shop.publish(_at(7))
    published = shop.files()
    with duckdb.connect(str(shop.marts.warehouse)) as connection:
        connection.execute(f"alter table {TABLE.name} alter visits type varchar using 'no number'")

    with pytest.raises(duckdb.Error):
        shop.publish(_at(8))
    assert shop.files() == published
