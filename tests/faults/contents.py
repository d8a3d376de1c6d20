"""What the tables of a warehouse hold."""

import json
from collections.abc import Mapping
from datetime import date
from pathlib import Path

import duckdb

from tactful.dbt import MANIFEST

Contents = Mapping[tuple[str, date | None], tuple[int, int]]
"""Of each table and day, how many rows it holds, and a number made of all of them but for when they were known."""


def stated(name: str, kind: str) -> str:
    """SQL for a column in which two builds of the same rows are equal: fractions to six places."""
    # the order of its terms shows in a sum's last digits, which must not tip a half in the seventh place
    return f"round({name} + 1e-8, 6)" if kind == "DOUBLE" else name


def contents(warehouse: Path) -> Contents:
    """Of the tables that dbt builds."""
    nodes = json.loads(MANIFEST.read_text())["nodes"].values()
    days = {
        node["name"]: node["config"]["meta"].get("day", "null") for node in nodes if node["resource_type"] == "model"
    }
    columns: dict[str, list[str]] = {}
    found: dict[tuple[str, date | None], tuple[int, int]] = {}
    with duckdb.connect(str(warehouse), read_only=True) as connection:
        for table, name, kind in connection.execute(
            "select table_name, column_name, data_type from duckdb_columns() "
            "where schema_name = 'tactful' and column_name <> 'known_at' order by table_name, column_index"
        ).fetchall():
            columns.setdefault(table, []).append(stated(name, kind))
        for table in days.keys() & columns.keys():
            told = f"select {days[table]} as day, count(*), bit_xor(hash(row({', '.join(columns[table])})))"
            for day, *rows in connection.execute(f"{told} from tactful.{table} group by day").fetchall():
                found[table, day] = (rows[0], rows[1])
    return found
