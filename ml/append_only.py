"""Tables that are appended to and never changed, which the database itself sees to; SQLite or Postgres."""

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path

from sqlalchemy import Column, Engine, NullPool, Table, UniqueConstraint, create_engine, func, select, text


@cache
def engine(url: str) -> Engine:
    """The database at an SQLAlchemy URL."""
    # no connection outlives its use, so that a lock is given up and a process may fork
    return create_engine(url, poolclass=NullPool)


@contextmanager
def turn(url: str, table: Table, lock: int) -> Iterator[None]:
    """While the block runs, no other process has its turn with `table`; the system ends the turn of one that dies.

    The table is there from then on. `lock` is any number that no other program of a Postgres takes.
    """
    database = engine(url)
    if database.dialect.name == "sqlite":
        with Path(f"{database.url.database}.lock").open("w") as held:
            fcntl.flock(held, fcntl.LOCK_EX)
            _make(database, table)
            yield
    else:
        # the lock is the connection's, and so gone with it
        with database.connect() as connection:
            connection.execute(select(func.pg_advisory_lock(lock)))
            _make(database, table)
            yield


def _make(database: Engine, table: Table) -> None:
    """The table and what guards it; a process that dies in between leaves the rest to the next one."""
    with database.begin() as connection:
        table.metadata.create_all(connection)
        for statement in _guards(table)[database.dialect.name]:
            connection.execute(text(statement))


def _guards(table: Table) -> dict[str, tuple[str, ...]]:
    name, refused = table.name, f"the record {table.name} is appended to alone"
    taken = " or ".join(f"({', '.join(key)}) = ({', '.join(f'new.{each}' for each in key)})" for key in _keys(table))
    return {
        "sqlite": (
            *(
                f"create trigger if not exists {name}_no_{change} before {change} on {name} "
                f"begin select raise(abort, '{refused}'); end"
                for change in ("update", "delete")
            ),
            # `insert or replace` deletes a row without asking the trigger of deletes
            f"create trigger if not exists {name}_no_replace before insert on {name} "
            f"when exists (select 1 from {name} where {taken}) begin select raise(abort, '{refused}'); end",
        ),
        "postgresql": (
            f"create or replace function {name}_refuse_change() returns trigger language plpgsql as "
            f"'begin raise exception ''{refused}''; end'",
            f"create or replace trigger {name}_no_change before update or delete or truncate on {name} "
            f"for each statement execute function {name}_refuse_change()",
        ),
    }


def _keys(table: Table) -> list[list[str]]:
    unique = [each.columns for each in table.constraints if isinstance(each, UniqueConstraint)]
    keys: list[list[Column[object]]] = [list(columns) for columns in (table.primary_key.columns, *unique)]
    return [[column.name for column in key] for key in keys]
