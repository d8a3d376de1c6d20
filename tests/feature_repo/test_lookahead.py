"""Training rows that know more than their moment did are refused."""

from collections.abc import Iterator
from datetime import timedelta

import duckdb
import pytest

from feature_repo.contract import Column, FeatureTable
from feature_repo.lookahead import LookAheadError, probe

TABLE = FeatureTable(
    name="fct_users",
    view="users",
    description="",
    entity="user",
    join_key="user",
    key=("user",),
    day="day",
    ttl=timedelta(days=1),
    is_online=False,
    columns=(Column("visits", "int64", "", True, models=("m",)), Column("city", "string", "", True, models=("m",))),
)
VERSIONS = """
    select * from (values
        ('ann', timestamp '2026-01-05 06:00', timestamp '2026-01-05 07:00', 1, 'Lodz'),
        ('ann', timestamp '2026-01-05 06:00', timestamp '2026-01-05 12:00', 2, 'Lodz'),
        ('ann', timestamp '2026-01-05 09:00', timestamp '2026-01-05 09:00', 3, null),
        ('bob', timestamp '2026-01-01 09:00', timestamp '2026-01-01 09:00', 4, 'Rome')
    ) as versions(user, feature_at, known_at, visits, city)
"""


@pytest.fixture
def connection() -> Iterator[duckdb.DuckDBPyConnection]:
    with duckdb.connect() as opened:
        yield opened


def row(user: str, hour: str, visits: int | None, city: str | None) -> str:
    values = ", ".join("null" if value is None else repr(value) for value in (visits, city))
    return f"select '{user}' as user, timestamp '2026-01-05 {hour}' as event_timestamp, {values}"


def rows(*told: str) -> str:
    return f"select * from ({' union all '.join(told)}) as rows(user, event_timestamp, visits, city)"


def test_rows_as_they_were_known_pass(connection: duckdb.DuckDBPyConnection) -> None:
    known = rows(
        row("ann", "06:30", None, None),
        row("ann", "07:00", 1, "Lodz"),
        row("ann", "09:00", 3, None),
        row("ann", "13:00", 3, None),
        row("bob", "09:00", None, None),
        row("eve", "09:00", None, None),
    )
    probe(connection, known, TABLE, VERSIONS)


@pytest.mark.parametrize(
    ("told", "differing"),
    [
        (row("ann", "06:30", 1, "Lodz"), "visits in 1, city in 1"),
        (row("ann", "08:59", 2, "Lodz"), "visits in 1"),
        (row("ann", "08:59", 3, None), "visits in 1, city in 1"),
        (row("bob", "09:01", 4, "Rome"), "visits in 1, city in 1"),
    ],
    ids=["before it was known", "a correction", "before it was so", "too old"],
)
def test_a_row_that_was_not_known_so_is_refused(
    connection: duckdb.DuckDBPyConnection, told: str, differing: str
) -> None:
    honest = row("ann", "07:00", 1, "Lodz")
    with pytest.raises(LookAheadError, match=f"Of 2 training rows, .* users held at their moment: {differing}\\."):
        probe(connection, rows(honest, told), TABLE, VERSIONS)


def test_features_that_rows_lack_are_passed_over(connection: duckdb.DuckDBPyConnection) -> None:
    probe(connection, f"select user, event_timestamp from ({rows(row('ann', '08:00', 9, 'x'))})", TABLE, VERSIONS)
