"""Wishes to be erased: on record beside the decisions until they are carried out, and then without whose they were."""

from collections.abc import Callable, Iterable
from contextlib import closing
from pathlib import Path

import msgspec

from serving.audit import AuditLog, connect
from serving.audit_erasure import ERASED
from serving.clock import microseconds
from serving.ids import decision_ids

_TABLE = """
create table if not exists erasures (
    erasure_id text primary key,
    client text not null,
    user_pseudo_id text not null,
    stored_id text not null,
    asked_at integer not null,
    done_at integer
) strict;
create unique index if not exists erasures_to_do on erasures (client, user_pseudo_id) where done_at is null;
"""
_COLUMNS = "erasure_id, client, user_pseudo_id, stored_id, asked_at"
_ASK = f"""
insert into erasures ({_COLUMNS}) values (?, ?, ?, ?, ?)
on conflict (client, user_pseudo_id) where done_at is null do update set stored_id = excluded.stored_id
returning {_COLUMNS}
"""
_OPEN = f"select {_COLUMNS} from erasures where done_at is null order by asked_at, erasure_id"
_DONE = f"update erasures set user_pseudo_id = '{ERASED}', stored_id = '{ERASED}', done_at = ? where erasure_id = ?"


class Erasure(msgspec.Struct, frozen=True):
    """A wish that is not carried out yet: which client asked, when (microseconds UTC), and for whom.

    `user_pseudo_id` is GA4's own id, without which no landing could leave the user out; `stored_id` is the one that
    the user was stored under then.
    """

    erasure_id: str
    client: str
    user_pseudo_id: str
    stored_id: str
    asked_at: int


class Erasures:
    """The table `erasures` in the file of the decisions: of a client and user one wish at a time is to be done."""

    def __init__(self, audit: AuditLog, clock: Callable[[], int] = microseconds) -> None:
        self.audit = audit
        self.clock = clock

    def ask(self, client: str, user_pseudo_id: str, stored_id: str) -> Erasure:
        """The wish that a user be erased, which is on the disk on return; the one that is there already, if any.

        Raises:
            AuditUnavailableError: it is not on record.
        """
        (erasure_id,) = decision_ids(1)
        asked = (erasure_id, client, user_pseudo_id, stored_id, self.clock())
        with self.audit.opened() as connection:
            connection.executescript(_TABLE)
            (kept,) = connection.execute(_ASK, asked).fetchall()
        return Erasure(*kept)


def to_do(file: Path) -> list[Erasure]:
    """The wishes on record that are not carried out yet, the oldest first."""
    if not file.is_file():
        return []
    with closing(connect(file)) as connection:
        # a table that isn't there is not made: who reads need not wait for who writes
        was_asked = connection.execute("select 1 from sqlite_master where name = 'erasures'").fetchall()
        return [Erasure(*row) for row in connection.execute(_OPEN)] if was_asked else []


def mark_done(file: Path, erasures: Iterable[Erasure], done_at: int) -> None:
    """Note that wishes were carried out, and no longer for whom."""
    with closing(connect(file)) as connection:
        connection.execute("begin immediate")
        connection.executemany(_DONE, [(done_at, erasure.erasure_id) for erasure in erasures])
        connection.execute("commit")
        # overwritten bytes stay in the file until it is written anew, and in the log until that is emptied
        connection.executescript("vacuum; pragma wal_checkpoint(truncate);")
