"""Forgetting a person in the decisions on record, which nothing else ever changes."""

from collections.abc import Sequence
from contextlib import closing
from pathlib import Path

from serving.append_only import never_updated
from serving.audit import connect

ERASED = "(erased)"
_ERASE = f"""
begin immediate;
drop trigger decisions_are_never_updated;
update decisions
set user_pseudo_id = '{ERASED}', features = '{{}}', feature_status = '{{}}', features_missing = '[]',
    request = json_object('user_pseudo_id', '{ERASED}', 'model', model)
where user_pseudo_id in (select id from temp.erased);
{never_updated("decisions")}
commit;
"""


def erase(file: Path, ids: Sequence[str]) -> int:
    """Blank what describes a user in the decisions about them; returns how many there were.

    The rows stay, since each answer that was given keeps its record: when, by which model, what and how sure.
    """
    if not file.is_file():
        return 0
    with closing(connect(file)) as connection:
        connection.execute("create temp table erased (id text)")
        connection.executemany("insert into erased values (?)", [(user,) for user in ids])
        query = "select count(*) from decisions where user_pseudo_id in (select id from erased)"
        ((decisions,),) = connection.execute(query).fetchall()
        if decisions:
            connection.executescript(_ERASE)
            # deleted bytes stay in the file until it is written anew, and in the log until that is emptied
            connection.executescript("vacuum; pragma wal_checkpoint(truncate);")
    return int(decisions)
