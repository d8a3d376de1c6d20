from collections.abc import Callable
from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import duckdb
import pandas as pd
import pytest

from expectations.suites import EXPORT_COLUMNS, build_export_suite, build_suite
from expectations.validation import Validation, validate, validate_all
from expectations.witnesses import decisive_of
from feature_repo.contract import Column, FeatureTable

LAST = date(2026, 1, 6)
TABLE = FeatureTable(
    name="fct_visitors",
    view="visitors",
    description="One row per visitor and day.",
    entity="user",
    join_key="user_pseudo_id",
    key=("user_pseudo_id", "day"),
    day="day",
    ttl=timedelta(days=1),
    is_online=True,
    columns=(
        Column("user_pseudo_id", "string", "", is_nullable=False),
        Column("day", "date", "", is_nullable=False),
        Column("feature_at", "timestamp", "", is_nullable=False),
        Column("known_at", "timestamp", "", is_nullable=False),
        Column("short", "int64", "", is_nullable=True, minimum=0, at_most="long", models=()),
        Column("long", "int64", "", is_nullable=True, minimum=0, maximum=10, models=()),
    ),
)


def _rows(**overrides: list[Any]) -> pd.DataFrame:
    days = pd.to_datetime(["2026-01-05", "2026-01-06"])
    known = days + timedelta(hours=30)
    columns = {"user_pseudo_id": ["1.1", "1.1"], "day": days, "feature_at": days, "known_at": known}
    return pd.DataFrame({**columns, "short": [1, None], "long": [2, 3], **overrides})


def _failures(validation: Validation) -> list[tuple[str, str]]:
    return [(outcome.expectation, outcome.column) for outcome in validation.failed]


def test_rows_that_keep_the_contract_pass() -> None:
    assert _failures(validate(_rows(), build_suite(TABLE, LAST))) == []


@pytest.mark.parametrize(
    ("broken", "failure"),
    [
        ({"user_pseudo_id": ["1.1", None]}, ("expect_column_values_to_not_be_null", "user_pseudo_id")),
        ({"short": [-1, 1]}, ("expect_column_values_to_be_between", "short")),
        ({"long": [2, 11]}, ("expect_column_values_to_be_between", "long")),
        ({"short": [3, None]}, ("expect_column_pair_values_a_to_be_greater_than_b", "long, short")),
        (
            {"known_at": pd.to_datetime(["2026-01-04", "2026-01-07"])},
            ("expect_column_pair_values_a_to_be_greater_than_b", "known_at, feature_at"),
        ),
        ({"more": [1, 2]}, ("expect_table_columns_to_match_ordered_list", "user_pseudo_id, day, feature_at, ...")),
    ],
)
def test_one_broken_rule_fails_its_expectation_alone(broken: dict[str, Any], failure: tuple[str, str]) -> None:
    assert _failures(validate(_rows(**broken), build_suite(TABLE, LAST))) == [failure]


def test_a_doubled_key_fails() -> None:
    doubled = pd.concat([_rows(), _rows()])

    assert _failures(validate(doubled, build_suite(TABLE, LAST))) == [
        ("expect_compound_columns_to_be_unique", "user_pseudo_id, day")
    ]


def test_a_doubled_single_key_fails() -> None:
    table = replace(TABLE, key=("user_pseudo_id",))

    assert _failures(validate(_rows(), build_suite(table, LAST))) == [
        ("expect_column_values_to_be_unique", "user_pseudo_id")
    ]


def test_rows_that_do_not_reach_the_last_day_fail() -> None:
    assert _failures(validate(_rows(), build_suite(TABLE, LAST + timedelta(days=1)))) == [
        ("expect_column_max_to_be_between", "day")
    ]


def test_no_rows_fail() -> None:
    failures = _failures(validate(_rows().iloc[:0], build_suite(TABLE, LAST)))

    assert ("expect_table_row_count_to_be_between", "") in failures


@pytest.mark.parametrize("rows", [0, 2])
def test_where_days_may_be_without_rows_none_need_be_there(rows: int) -> None:
    table = replace(TABLE, every_day=False)
    with duckdb.connect() as connection:
        connection.register("visitors", _rows())
        suite = build_suite(table, LAST + timedelta(days=1))
        found = validate_all(connection, f"select * from visitors limit {rows}", suite, decisive_of(table))

    assert (found.rows, _failures(found)) == (rows, [])


@pytest.fixture
def exported() -> Callable[..., pd.DataFrame]:
    def build(**overrides: list[Any]) -> pd.DataFrame:
        row = {
            "event_date": ["20260106"] * 2,
            "event_timestamp": [1, 2],
            "event_name": ["page_view", "scroll"],
            "user_pseudo_id": ["1.1", None],
            "stream_id": ["9"] * 2,
        }
        return pd.DataFrame({**row, **overrides})[list(EXPORT_COLUMNS)]

    return build


def test_events_of_every_day_pass(exported: Callable[..., pd.DataFrame]) -> None:
    assert validate(exported(), build_export_suite([LAST])).is_passed


def test_a_day_without_events_fails(exported: Callable[..., pd.DataFrame]) -> None:
    validation = validate(exported(), build_export_suite([LAST, LAST + timedelta(days=1)]))

    assert _failures(validation) == [("expect_column_distinct_values_to_equal_set", "event_date")]
