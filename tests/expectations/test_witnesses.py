from datetime import timedelta
from typing import Any

import duckdb
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from expectations.suites import EXPORT_COLUMNS, build_export_suite, build_suite
from expectations.validation import Validation, validate, validate_all
from expectations.witnesses import DECISIVE_OF_EXPORT, Decisive, decisive_of, find
from tests.expectations.test_suites import LAST, TABLE

NUMBERS = st.one_of(st.none(), st.integers(-1, 12))
DAYS = pd.to_datetime(["2026-01-05", "2026-01-06"])


def _met(validation: Validation) -> list[tuple[str, str, bool]]:
    return [(outcome.expectation, outcome.column, outcome.is_met) for outcome in validation.outcomes]


def _row(user: str | None, day: int, delay: int, short: int | None, long: int | None) -> dict[str, Any]:
    at = DAYS[day]
    known_at = at + timedelta(hours=delay)
    return {"user_pseudo_id": user, "day": at, "feature_at": at, "known_at": known_at, "short": short, "long": long}


USERS = st.sampled_from(["1.1", "1.2", "1.3", None])
ROWS = st.builds(_row, USERS, st.integers(0, 1), st.sampled_from([-1, 0, 30]), NUMBERS, NUMBERS)


@settings(max_examples=30, deadline=None)
@given(rows=st.lists(ROWS, min_size=1, max_size=12))
def test_a_suite_says_of_the_witnesses_what_it_says_of_all_rows(rows: list[dict[str, Any]]) -> None:
    frame = pd.DataFrame(rows).astype({"short": "Int64", "long": "Int64", "user_pseudo_id": "object"})
    suite = build_suite(TABLE, LAST)
    with duckdb.connect() as connection:
        connection.register("built", frame)
        witnesses = find(connection, "select * from built", decisive_of(TABLE))

    assert witnesses.rows == len(rows)
    assert _met(validate(witnesses.frame, suite)) == _met(validate(frame, suite))


@settings(max_examples=15, deadline=None)
@given(
    rows=st.lists(
        st.tuples(
            st.sampled_from(["20260106", "20260107"]),
            st.one_of(st.none(), st.just(1)),
            st.sampled_from(["page_view", "scroll", "", None, "x" * 41]),
            st.sampled_from(["1.1", "", None, "y" * 129]),
            st.just("9"),
        ),
        min_size=1,
        max_size=12,
    )
)
def test_the_export_s_suite_does_too(rows: list[tuple[Any, ...]]) -> None:
    frame = pd.DataFrame(rows, columns=list(EXPORT_COLUMNS)).astype({"event_timestamp": "Int64"})
    suite = build_export_suite([LAST])
    with duckdb.connect() as connection:
        connection.register("landed", frame)
        witnesses = find(connection, "select * from landed", DECISIVE_OF_EXPORT)

    assert _met(validate(witnesses.frame, suite)) == _met(validate(frame, suite))


def test_a_hundred_thousand_rows_have_few_witnesses() -> None:
    decisive = Decisive(smallest=("number",), largest=("number", "other"), absent=("other",), key=("number",))
    with duckdb.connect() as connection:
        rows = "select range as number, range % 7 as other from range(100_000)"
        witnesses = find(connection, rows, decisive)

    assert witnesses.rows == 100_000
    assert {0, 99_999} <= set(witnesses.frame["number"])
    assert len(witnesses.frame) <= 4


@pytest.mark.parametrize(("largest", "unexpected"), [(10, 0), (10_000, 9_989)])
def test_what_breaks_a_suite_is_counted_in_all_rows(largest: int, unexpected: int) -> None:
    rows = f"""
        select '1.' || range as user_pseudo_id, timestamp '2026-01-06' as day, timestamp '2026-01-06' as feature_at,
            timestamp '2026-01-07' as known_at, 0::bigint as short, least(range, {largest}) as long
        from range(10_000)
    """
    with duckdb.connect() as connection:
        validation = validate_all(connection, rows, build_suite(TABLE, LAST), decisive_of(TABLE))

    (bounds,) = [outcome for outcome in validation.outcomes if outcome.column == "long"]
    assert (validation.rows, bounds.rows, bounds.unexpected) == (10_000, 10_000, unexpected)
