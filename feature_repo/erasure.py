"""Erase users from the warehouse and from all that is made of it."""

import sqlite3
import warnings
from collections.abc import Iterable, Mapping, Sequence
from contextlib import closing
from pathlib import Path

import duckdb

from feature_repo import online
from ga4_export import whole
from tactful.settings import Settings

USER, SESSION, EVENT = "user_pseudo_id", "session_key", "event_key"
_KEYS = (USER, SESSION, EVENT)
"""The columns by which a row is a user's, the first that a table has."""


def erase_warehouse(file: Path, ids: Sequence[str]) -> Mapping[str, int]:
    """Remove users' rows from every table of a DuckDB file; returns their number by table.

    The file is written anew, since a deleted row's bytes stay in a DuckDB file until their place is needed.

    Raises:
        duckdb.IOException: another process works on the file.
    """
    if not file.is_file():
        return {}
    with duckdb.connect(str(file)) as connection:
        keys = _keys(connection)
        _collect(connection, keys, ids)
        theirs = {table: f"{key} in (select key from erased_{key})" for table, key in keys.items() if key}
        removed = {table: _count(connection, table, condition) for table, condition in theirs.items()}
        if any(removed.values()):
            with whole.written(file) as partial:
                _copy(connection, keys, theirs, partial)
                connection.close()
    return {table.rpartition(".")[2]: rows for table, rows in removed.items() if rows}


def erase_parquet(folder: Path, ids: Sequence[str]) -> int:
    """Remove users' rows from every Parquet file below `folder`; returns how many there were."""
    import pyarrow as pa
    import pyarrow.compute as pc
    import pyarrow.parquet as pq

    removed = 0
    theirs = pa.array(ids)
    for file in sorted(folder.rglob("*.parquet")):
        parquet = pq.ParquetFile(file)
        if USER not in parquet.schema_arrow.names:
            continue
        # a column of no rows may have no type
        if not parquet.metadata.num_rows or not pc.any(pc.is_in(parquet.read([USER])[USER], theirs)).as_py():
            continue
        # read and written as Arrow, a file keeps its types and what pandas noted of them
        rows = parquet.read()
        others = rows.filter(pc.invert(pc.is_in(rows[USER], theirs)))
        with whole.written(file) as partial:
            pq.write_table(others, partial)
        removed += len(rows) - len(others)
    return removed


def erase_online(settings: Settings, ids: Sequence[str]) -> int:
    """Remove users, to the byte, from the local online store; returns how many rows of views were theirs."""
    file = settings.home / "feature_store" / "online_store.db"
    if not file.is_file():
        return 0
    from feature_repo.store import open_store

    with warnings.catch_warnings():
        # what Feast imports warns of what it imports
        warnings.simplefilter("ignore")
        store = open_store(settings)
    removed = sum(online.delete(store, USER, user) for user in ids)
    # also what a service deleted stays in the file until it is written anew
    with closing(sqlite3.connect(file, timeout=60)) as connection:
        connection.execute("vacuum")
    return removed


def _keys(connection: duckdb.DuckDBPyConnection) -> Mapping[str, str | None]:
    """All tables, each with the column by which its rows are a user's, if it has one."""
    listed = connection.execute("""
        select schema_name || '.' || table_name, list(column_name)
        from duckdb_columns() semi join duckdb_tables() using (database_name, schema_name, table_name)
        where not internal
        group by all order by all
    """).fetchall()
    return {table: next((key for key in _KEYS if key in columns), None) for table, columns in listed}


def _collect(connection: duckdb.DuckDBPyConnection, keys: Mapping[str, str | None], ids: Sequence[str]) -> None:
    """Note the users' ids, sessions and events; by its beginning a session's key could be that of a longer id."""
    connection.execute(f"create temp table erased_{USER} as select unnest($ids) as key", {"ids": list(ids)})
    for key in (SESSION, EVENT):
        connection.execute(f"create temp table erased_{key} (key varchar)")
        for table in (table for table, by in keys.items() if by == USER and key in _columns(connection, table)):
            connection.execute(
                f"insert into erased_{key} select distinct {key} from {table} "
                f"where {USER} in (select key from erased_{USER})"
            )


def _columns(connection: duckdb.DuckDBPyConnection, table: str) -> Sequence[str]:
    return [row[0] for row in connection.execute(f"describe {table}").fetchall()]


def _count(connection: duckdb.DuckDBPyConnection, table: str, condition: str) -> int:
    ((rows,),) = connection.execute(f"select count(*) from {table} where {condition}").fetchall()
    return int(rows)


def _copy(
    connection: duckdb.DuckDBPyConnection, tables: Iterable[str], left_out: Mapping[str, str], file: Path
) -> None:
    """Write the database to `file` without the rows of `left_out`, a condition for each table."""
    ((database,),) = connection.execute("select current_database()").fetchall()
    file.unlink(missing_ok=True)
    connection.execute(f"attach '{file}' as fresh")
    connection.execute(f'copy from database "{database}" to fresh (schema)')
    for table in tables:
        condition = left_out.get(table, "false")
        connection.execute(f"insert into fresh.{table} from {table} where not coalesce({condition}, false)")
    connection.execute("detach fresh")
