"""Erase users from what is landed, and keep them out of what will be."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

import duckdb

from ga4_export import judgement, quarantine, whole
from ga4_export.files import quoted
from ga4_export.landing import Landing
from ga4_export.privacy import Privacy
from ga4_export.quarantine import Record
from ga4_export.recount import recount

Ids = Sequence[str]
"""The ids of users: GA4's, and the pseudonyms that are stored in their place."""


@dataclass(frozen=True)
class ErasedRows:
    """How many rows of users were removed from the landed days and from quarantine, and from which days."""

    landed: int
    quarantined: int
    days: tuple[date, ...]


def ids_of(privacy: Privacy, user_pseudo_id: str) -> Ids:
    """The ids under which a user's rows may be stored: days landed before there was a key hold GA4's own."""
    return tuple(sorted({user_pseudo_id, privacy.stored_id(user_pseudo_id)}))


def suppress(landing: Landing, ids: Ids) -> None:
    """Have every landing and every replay from now on leave users' rows out."""
    erased = landing.erased
    for user in ids:
        erased = erased.adding(user)
    erased.write(landing.erased_file)


def remove(landing: Landing, ids: Ids) -> ErasedRows:
    """Remove users' landed and quarantined rows, which count as suppressed from now on."""
    days = landing.landed_days()
    removed = {day: (_remove_landed(landing, day, ids), _remove_quarantined(landing, day, ids)) for day in days}
    for day in days:
        # also where an erasure before this one was interrupted
        recount(landing, day, quarantine.read(landing.quarantine(day)), "suppressed")
    landed, quarantined = (sum(rows) for rows in zip(*removed.values(), strict=True)) if days else (0, 0)
    return ErasedRows(landed, quarantined, tuple(day for day, rows in removed.items() if any(rows)))


def _remove_landed(landing: Landing, day: date, ids: Ids) -> int:
    file = landing.events(day)
    with judgement.connection() as connection:
        query = f"select count(*) from read_parquet({quoted(file)}) where user_pseudo_id in $ids"
        ((rows,),) = connection.execute(query, {"ids": ids}).fetchall()
        if rows:
            _write_without(connection, landing, day, ids)
    return int(rows)


def _write_without(connection: duckdb.DuckDBPyConnection, landing: Landing, day: date, ids: Ids) -> None:
    file = landing.events(day)
    others = connection.sql(
        f"select * from read_parquet({quoted(file)}) where coalesce(user_pseudo_id not in $ids, true)",
        params={"ids": ids},
    )
    with whole.written(file) as partial:
        others.write_parquet(str(partial), compression="zstd")


def _remove_quarantined(landing: Landing, day: date, ids: Ids) -> int:
    records = quarantine.read(landing.quarantine(day))
    theirs = [record for record in records if _is_of(record, ids)]
    if theirs:
        quarantine.rewrite(landing.quarantine(day), [record for record in records if record not in theirs])
    return len(theirs)


def _is_of(record: Record, ids: Ids) -> bool:
    """True of a row of the user's, and of one that was mended into theirs."""
    told = [json.loads(row) for row in (record.raw, record.replayed_as) if row]
    return any(row["user_pseudo_id"] in ids for row in told)
