"""Bring what is stated of a landed day to what its files hold, however often a change of them was interrupted."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from datetime import date

from ga4_export import judgement, quarantine
from ga4_export.files import quoted
from ga4_export.landing import Landing
from ga4_export.manifest import SourceFile
from ga4_export.quarantine import Record


def recount(landing: Landing, day: date, records: Sequence[Record], otherwise: str) -> None:
    """State the rows that are landed and those that `records` keep out; a row in neither place is `otherwise` by now,
    duplicate or suppressed.
    """
    before = landing.landed(day)
    if before is None:
        return
    with judgement.connection() as connection:
        query = f"select source_file, count(*) from read_parquet({quoted(landing.events(day))}) group by all"
        loaded = dict(connection.execute(query).fetchall())
    kept_out = [record for record in records if record.status != quarantine.REPLAYED]
    quarantined = Counter(record.source_file for record in kept_out)
    files = (
        replace(file, rows_loaded=loaded.get(file.name, 0), rows_quarantined=quarantined[file.name])
        for file in before.files
    )
    stated = replace(
        before,
        files=tuple(_conserved(file, f"rows_{otherwise}") for file in files),
        reasons=dict(sorted(Counter(record.reason_code for record in kept_out).items())),
    )
    if stated != before:
        landing.record(stated)


def _conserved(file: SourceFile, otherwise: str) -> SourceFile:
    stated = file.rows_loaded + file.rows_duplicate + file.rows_quarantined + file.rows_suppressed
    return replace(file, **{otherwise: getattr(file, otherwise) + file.rows_read - stated})
