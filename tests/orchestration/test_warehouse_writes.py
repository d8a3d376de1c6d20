"""What assets write to the warehouse themselves: the rows of a day, in place of those that were there."""

from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING

import duckdb
import pandas as pd
import pytest

if TYPE_CHECKING:
    from orchestration.resources import WarehouseResource

FIRST, SECOND = date(2026, 1, 5), date(2026, 1, 6)


@pytest.fixture
def warehouse(tmp_path: Path) -> "WarehouseResource":
    from orchestration.resources import WarehouseResource

    path = tmp_path / "warehouse.duckdb"
    with duckdb.connect(str(path)) as connection:
        connection.execute(
            "create schema tactful; create table tactful.labels (day date, known_at timestamp, who string)"
        )
    return WarehouseResource(home=str(tmp_path), path=str(path))


def _rows(day: date, *who: str) -> pd.DataFrame:
    return pd.DataFrame({"who": list(who), "day": day, "known_at": pd.Timestamp("2026-01-06 06:00:00.123456")})


def _told(warehouse: "WarehouseResource") -> list[tuple[str, str]]:
    rows = warehouse.query("select cast(day as string) as day, who from labels order by all")
    return list(zip(rows["day"], rows["who"], strict=True))


def test_a_day_s_rows_take_the_place_of_those_before(warehouse: "WarehouseResource") -> None:
    warehouse.replace_day("labels", "day", FIRST, _rows(FIRST, "a", "b"))
    warehouse.replace_day("labels", "day", SECOND, _rows(SECOND, "a"))
    warehouse.replace_day("labels", "day", FIRST, _rows(FIRST, "c"))

    assert _told(warehouse) == [("2026-01-05", "c"), ("2026-01-06", "a")]
    assert warehouse.query("select max(known_at) as newest from labels")["newest"].iloc[0] == pd.Timestamp(
        "2026-01-06 06:00:00.123456"
    )


def test_a_day_may_be_left_without_rows(warehouse: "WarehouseResource") -> None:
    warehouse.replace_day("labels", "day", FIRST, _rows(FIRST, "a"))
    warehouse.replace_day("labels", "day", FIRST, _rows(FIRST).head(0))

    assert _told(warehouse) == []


def test_all_rows_can_be_forgotten(warehouse: "WarehouseResource") -> None:
    warehouse.replace_day("labels", "day", FIRST, _rows(FIRST, "a"))
    warehouse.forget("labels")

    assert _told(warehouse) == []
