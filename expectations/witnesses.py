"""The rows that decide what a suite says of a table, however large it is.

An expectation about each value of a column holds of all rows if it holds of the rows with the smallest value, the
largest and none. So a suite judges a table by a few of its rows as it would by all of them.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import duckdb
import pandas as pd

from feature_repo.contract import FEATURE_AT, KNOWN_AT, Column, FeatureTable


@dataclass(frozen=True)
class Decisive:
    """Which rows decide: SQL expressions of which the smallest, the largest and the absent value do, conditions that
    no row may meet, columns of which each combination does, and the columns of which no two rows may share the values.
    """

    smallest: tuple[str, ...] = ()
    largest: tuple[str, ...] = ()
    absent: tuple[str, ...] = ()
    forbidden: tuple[str, ...] = ()
    each: tuple[str, ...] = ()
    key: tuple[str, ...] = ()


@dataclass(frozen=True)
class Witnesses:
    """The decisive rows of a table, and how many rows it has."""

    rows: int
    frame: pd.DataFrame


def decisive_of(table: FeatureTable) -> Decisive:
    """What decides the suite of a feature table's contract."""
    at_most = [(column.at_most, column.name) for column in table.columns if column.at_most is not None]
    return Decisive(
        smallest=tuple(column.name for column in table.columns if column.minimum is not None),
        largest=(table.day, *(_number(column) for column in table.columns if column.maximum is not None)),
        absent=tuple(column.name for column in table.columns if not column.is_nullable),
        forbidden=tuple(f"{small} > {large}" for large, small in (*at_most, (KNOWN_AT, FEATURE_AT))),
        key=table.key,
    )


DECISIVE_OF_EXPORT = Decisive(
    smallest=("length(event_name)", "length(user_pseudo_id)"),
    largest=("length(event_name)", "length(user_pseudo_id)"),
    absent=("event_timestamp", "event_name"),
    each=("event_date", "event_name"),
)
"""What decides the suite of landed events."""


def find(connection: duckdb.DuckDBPyConnection, rows: str, decisive: Decisive) -> Witnesses:
    """The witnesses of the query `rows`; each is a row of it."""
    conditions = [*(f"{column} is null" for column in decisive.absent), *decisive.forbidden]
    # told by counts, since `any_value() filter` of whole rows takes twenty times as long
    ((total, distinct, *met),) = connection.execute(f"""
        create or replace temp table told as
        select {", ".join(_counts(decisive, conditions))}, [{", ".join(_extremes(decisive))}] as witnesses
        from ({rows}) as r;
        select * exclude (witnesses) from told
    """).fetchall()
    each = f"select any_value(r) from ({rows}) as r group by {', '.join(decisive.each or ['true'])}"
    held = (condition for condition, count in zip(conditions, met, strict=True) if count)
    found = [each, *(f"(select r from ({rows}) as r where {condition} limit 1)" for condition in held)]
    frame: pd.DataFrame = connection.execute(f"""
        with found(witness) as (select unnest(witnesses) from told union all {" union all ".join(found)}),
        differing as (select distinct witness from found where witness is not null)
        select unnest(witness) from differing
    """).df()
    if total != distinct:
        doubled = f"select * from ({rows}) qualify count(*) over (partition by {', '.join(decisive.key)}) > 1 limit 2"
        frame = pd.concat([frame, connection.execute(doubled).df()], ignore_index=True)
    return Witnesses(total, frame)


def _number(column: Column) -> str:
    """NaN is the largest of all to DuckDB, and absent to pandas."""
    return (
        f"case when not isnan({column.name}) then {column.name} end" if column.data_type == "float64" else column.name
    )


def _counts(decisive: Decisive, conditions: Sequence[str]) -> Iterator[str]:
    yield "count(*) as total"
    yield f"count(distinct hash({', '.join(decisive.key)})) as keys" if decisive.key else "count(*) as keys"
    for number, condition in enumerate(conditions):
        yield f"count_if({condition}) as condition_{number}"


def _extremes(decisive: Decisive) -> Iterator[str]:
    for value in decisive.smallest:
        yield f"arg_min(r, {value})"
    for value in decisive.largest:
        yield f"arg_max(r, {value})"
