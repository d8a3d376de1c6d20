"""Live sessions as they were a moment ago, in an SQLite file: a service that starts again goes on from there."""

import json
import sqlite3
from collections.abc import Collection, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import astuple, dataclass
from pathlib import Path

import msgspec

from serving.private import make_private
from serving.session_state import Session

_TABLE = """
create table if not exists sessions (
    key text primary key,
    user_pseudo_id text,
    touched_at integer not null,
    session blob not null
) strict;
"""


@dataclass(frozen=True)
class SavedSession:
    """A session in MessagePack, whose it is, and when it last changed, in microseconds UTC."""

    key: str
    user_pseudo_id: str | None
    touched_at: int
    session: bytes


class SessionFile:
    """The table `sessions` of the file at `path`; at most some seconds behind, and so not flushed at each commit."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def read(self) -> list[tuple[SavedSession, Session]]:
        """Every session, the one that changed last at the end; none when there is no file.

        Raises:
            sqlite3.Error, OSError: the file can't be read.
            msgspec.DecodeError: it holds what is no session.
        """
        if not self.path.is_file():
            return []
        with self._opened() as connection:
            rows = connection.execute("select * from sessions order by touched_at").fetchall()
        saved = [SavedSession(*row) for row in rows]
        return [(each, msgspec.msgpack.decode(each.session, type=Session)) for each in saved]

    def write(self, changed: Sequence[SavedSession], gone: Collection[str]) -> None:
        """Write the sessions that have changed, and remove those that are gone.

        Raises:
            sqlite3.Error, OSError: the file is as it was.
        """
        with self._opened() as connection, connection:
            connection.executemany("delete from sessions where key = ?", [(key,) for key in gone])
            connection.executemany("replace into sessions values (?, ?, ?, ?)", [astuple(each) for each in changed])

    @contextmanager
    def _opened(self) -> Iterator[sqlite3.Connection]:
        make_private(self.path)
        with closing(sqlite3.connect(self.path)) as connection:
            connection.execute("pragma journal_mode = wal")
            connection.execute("pragma synchronous = normal")
            connection.execute(_TABLE)
            yield connection


def erase(path: Path, ids: Sequence[str]) -> int:
    """Remove the sessions of users, to the byte; returns how many there were."""
    if not path.is_file():
        return 0
    with SessionFile(path)._opened() as connection:
        with connection:
            query = "delete from sessions where user_pseudo_id in (select value from json_each(?))"
            removed = connection.execute(query, [json.dumps(list(ids))]).rowcount
        # deleted bytes, also of what a service deleted, stay until the file is written anew and its log emptied
        connection.executescript("vacuum; pragma wal_checkpoint(truncate);")
    return removed
