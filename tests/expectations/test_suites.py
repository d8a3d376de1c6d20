from collections.abc import Callable
from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import duckdb
import pandas as pd
import pytest

from expectations.suites import EXPORT_COLUMNS, build_export_suite, build_suite
from expectations.validation import Outcome, Validation, validate, validate_all
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


@pytest.mark.parametrize(
    ("broken", "last", "told"),
    [
        (
            {},
            date(2026, 1, 9),
            "expect_column_max_to_be_between of day: observed 2026-01-06, expected at least 2026-01-09",
        ),
        (
            {"long": [2, 11]},
            LAST,
            "expect_column_values_to_be_between of long: observed 1 unexpected of 2 rows, expected 0 to 10",
        ),
        (
            {"short": [-1, 1]},
            LAST,
            "expect_column_values_to_be_between of short: observed 1 unexpected of 2 rows, expected at least 0",
        ),
        (
            {"user_pseudo_id": ["1.1", None]},
            LAST,
            "expect_column_values_to_not_be_null of user_pseudo_id: observed 1 unexpected of 2 rows",
        ),
        (
            {"more": [1, 2]},
            LAST,
            "expect_table_columns_to_match_ordered_list of user_pseudo_id, day, feature_at, ...: "
            "observed more in the place of nothing",
        ),
    ],
)
def test_a_failure_tells_its_bounds_and_what_was_observed(broken: dict[str, Any], last: date, told: str) -> None:
    (failed,) = validate(_rows(**broken), build_suite(TABLE, last)).failed

    assert failed.told == told


def test_an_expectation_that_fails_with_an_error_quotes_no_row() -> None:
    outcome = Outcome("expect_x", "long", False, False, None, None, "can't compare visitor 1.1", "0 to 10")

    assert outcome.told == (
        "expect_x of long: observed an error, which its page in the reports tells, expected 0 to 10"
    )


def test_a_failure_about_values_that_must_be_there_counts_them() -> None:
    row = {"event_date": "20260106", "event_timestamp": 1, "event_name": "click", "user_pseudo_id": "1.1"}
    rows = pd.DataFrame([{**row, "stream_id": "1"}])

    told = [outcome.told for outcome in validate(rows, build_export_suite([date(2026, 1, 5), LAST])).failed]

    assert told == [
        "expect_column_distinct_values_to_equal_set of event_date: observed 1 missing, 0 unexpected, "
        "expected 20260105, 20260106",
        "expect_column_distinct_values_to_contain_set of event_name: observed 1 missing, 0 unexpected, "
        "expected page_view",
    ]


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
