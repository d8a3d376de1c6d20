"""Tables of an SQLite file whose rows are put there once and never changed, which the file itself sees to."""

import sqlite3
from collections.abc import Sequence


def guards(table: str, *key: str) -> str:
    """The statements that guard `table`, in which a row is known by `key`."""
    is_there = " and ".join(f"{name} = new.{name}" for name in key)
    # `replace` deletes a row without asking the trigger of deletes
    replacing = f"before insert on {table} when exists (select 1 from {table} where {is_there} or rowid = new.rowid)"
    deleting = f"before delete on {table}"
    return never_updated(table) + _guard(table, "deleted", deleting) + _guard(table, "replaced", replacing)


def never_updated(table: str) -> str:
    """The statement that guards `table` from updates alone."""
    return _guard(table, "updated", f"before update on {table}")


def add_columns(connection: sqlite3.Connection, table: str, *names: str) -> None:
    """Give `table` those of the columns that it lacks, each a text: its file may be older than they are."""
    if not _lacking(connection, table, names):
        return
    connection.execute("begin immediate")
    # another process may just have done it
    for name in _lacking(connection, table, names):
        connection.execute(f"alter table {table} add column {name} text")
    connection.execute("commit")


def _lacking(connection: sqlite3.Connection, table: str, names: Sequence[str]) -> list[str]:
    known = {name for _, name, *_ in connection.execute(f"pragma table_info({table})")}
    return [name for name in names if name not in known]


def _guard(table: str, refused: str, event: str) -> str:
    return (
        f"create trigger if not exists {table}_are_never_{refused} {event} "
        f"begin select raise(abort, '{table} are never {refused}'); end;\n"
    )
