"""Land one day of an export: a row is loaded, a duplicate, quarantined or suppressed, and a day changes as a whole.

- `<landing>/events/events_YYYYMMDD.parquet`: loaded rows in the export schema, `event_key`, `source_file`, `known_at`
- `<landing>/quarantine/events_YYYYMMDD.parquet`: rows kept out, as JSON, with the reason
- `<landing>/manifest/YYYYMMDD.json`: what was read and where it went
- `<landing>/../erased.json`: whose rows are suppressed, whichever export they come from
"""

import time
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from datetime import time as time_of_day
from pathlib import Path
from zoneinfo import ZoneInfo

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq

from ga4_export import deliveries, judgement, quarantine, whole
from ga4_export.conform import absent_columns, conform, unknown_columns
from ga4_export.deliveries import Delivery
from ga4_export.erased import ERASED, Erased
from ga4_export.files import first_line, open_parquet, quoted, source_of
from ga4_export.listing import ExportError, kind_of
from ga4_export.manifest import LandedDay, SourceFile
from ga4_export.privacy import Privacy
from ga4_export.rules import DATE_MISMATCH
from ga4_export.schema import EVENTS

MISDATED_LIMIT = 0.001
_BATCH = 100_000


@dataclass(frozen=True)
class Landing:
    """The folder that days are landed in, the clock of the property they come from, and how private rows are kept."""

    folder: Path
    zone: ZoneInfo
    export_delay: timedelta
    privacy: Privacy = field(default_factory=Privacy)

    def land(self, day: date, files: Sequence[Path], now: datetime) -> LandedDay:
        """Land `files` as `day`, or leave the landed day alone when its files have not changed.

        Raises:
            ExportError: a file is not Parquet, lacks a column, has a wrong type, is another day's or property's.
        """
        before = self.landed(day)
        sources = tuple(source_of(file) for file in files)
        is_same = before is not None and sorted(source.sha256 for source in sources) == before.digests
        if before and is_same and before.privacy == self.privacy.digest:
            return before.unchanged()
        delivery = deliveries.first(self._delivered_at(day))
        if before:
            delivery = deliveries.again(self.events(day), before.known if is_same else now, is_same)
        landed = self._write(day, files, sources, delivery, before)
        self.record(landed)
        return landed

    def landed_days(self) -> tuple[date, ...]:
        """The days that are landed, in order."""
        manifests = (self.folder / "manifest").glob("*.json")
        return tuple(sorted(datetime.strptime(manifest.stem, "%Y%m%d").date() for manifest in manifests))

    def landed(self, day: date) -> LandedDay | None:
        """What is landed of `day`; nothing where an earlier version landed it, which stated less."""
        manifest = self.manifest(day)
        return LandedDay.from_json(manifest.read_text()) if manifest.is_file() else None

    def events(self, day: date) -> Path:
        """The loaded rows of `day`."""
        return self.folder / "events" / f"events_{day:%Y%m%d}.parquet"

    def quarantine(self, day: date) -> Path:
        """The rows of `day` that were kept out."""
        return self.folder / "quarantine" / f"events_{day:%Y%m%d}.parquet"

    @property
    def erased(self) -> Erased:
        """Whose rows are suppressed."""
        return Erased.read(self.erased_file)

    @property
    def erased_file(self) -> Path:
        """Where the list of erased users lies."""
        return self.folder.with_name(ERASED)

    def record(self, landed: LandedDay) -> None:
        """State what is landed of a day, after a change of its files here."""
        whole.text(self.manifest(date.fromisoformat(landed.day)), landed.to_json())

    def refuse_other_privacy(self, days: Sequence[date], *known: Privacy) -> None:
        """Refuse landed days whose rows are kept in another way than this landing's and the `known` ones.

        Raises:
            ExportError: there is such a day.
        """
        digests = {privacy.digest for privacy in (self.privacy, *known)}
        for day in days:
            if (landed := self.landed(day)) and landed.privacy not in digests:
                raise ExportError(
                    f"Day {day} of {self.folder} was landed with another pseudonym key or other query keys than are "
                    "set now: set those (TACTFUL_PSEUDONYM_KEY, TACTFUL_QUERY_KEYS), or land the day anew."
                )

    def _write(
        self,
        day: date,
        files: Sequence[Path],
        sources: Sequence[SourceFile],
        delivery: Delivery,
        before: LandedDay | None,
    ) -> LandedDay:
        relations = [judgement.parquet_relation(file, conform(open_parquet(file).schema_arrow)) for file in files]
        began = time.time()
        with judgement.connection() as connection:
            try:
                judgement.judge(connection, relations, day, self.privacy, self.erased)
                streams = judgement.streams(connection)
                self._refuse_foreign(connection, day, files[0], streams)
                with whole.written(self.events(day)) as partial:
                    _write_loaded(connection, sources, delivery, partial)
                    rows_new = judgement.rows_known_at(connection, partial, delivery.at)
            except duckdb.Error as wrong:
                raise _unreadable(files, wrong) from None
            quarantine.write(connection, self.quarantine(day), day, sources, delivery.at)
            counted = judgement.counted(connection, sources)
            loaded = sum(source.rows_loaded for source in counted)
            return LandedDay(
                day=day.isoformat(),
                kind=kind_of(files),
                files=counted,
                reasons=judgement.reasons(connection),
                signals=judgement.signals(connection),
                streams=streams,
                columns_unknown=_columns(files, unknown_columns),
                columns_absent=_columns(files, absent_columns),
                known_at=delivery.at.isoformat(),
                rows_new=rows_new,
                rows_gone=before.rows_loaded - (loaded - rows_new) if before else 0,
                privacy=self.privacy.digest,
                landed_at=began,
            )

    def _refuse_foreign(
        self, connection: duckdb.DuckDBPyConnection, day: date, file: Path, streams: Sequence[str]
    ) -> None:
        """Refuse the file of another day, and the export of another property."""
        rows, misdated = judgement.misdated(connection)
        if misdated > MISDATED_LIMIT * rows:
            raise ExportError(
                f"{file}: {misdated} of {rows} rows are of another day than {day}; is the file misnamed?",
                DATE_MISMATCH,
            )
        other = next((other for other in reversed(self.landed_days()) if other != day), None)
        known = landed.streams if other and (landed := self.landed(other)) else ()
        if streams and known and not set(streams) & set(known):
            raise ExportError(
                f"{file} comes from the data streams {', '.join(streams)}; those of {other} are {', '.join(known)}. "
                "Is it another property's?",
                "E_STREAM_MISMATCH",
            )

    def manifest(self, day: date) -> Path:
        """What is stated of `day`."""
        return self.folder / "manifest" / f"{day:%Y%m%d}.json"

    def _delivered_at(self, day: date) -> datetime:
        """When GA4 delivers a day for the first time; what a later delivery adds is known from when it was landed."""
        midnight = datetime.combine(day + timedelta(days=1), time_of_day(), self.zone)
        return midnight.astimezone(UTC) + self.export_delay


def _columns(files: Sequence[Path], of: Callable[[pa.Schema], Iterable[str]]) -> tuple[str, ...]:
    """The columns that `of` finds in any of the files, in order."""
    return tuple(sorted({name for file in files for name in of(open_parquet(file).schema_arrow)}))


def _write_loaded(
    connection: duckdb.DuckDBPyConnection, sources: Sequence[SourceFile], delivery: Delivery, file: Path
) -> None:
    """Write what was judged to be loaded; Arrow's Parquet writer takes a third of the time of DuckDB's."""
    names = ", ".join(quoted(source.name) for source in sources)
    loaded = connection.sql(f"""
        select {", ".join(f"private.{name}" for name in EVENTS.names)}, private.event_key,
            [{names}][source_no + 1] as source_file, {delivery.known_at} as known_at
        from private anti join kept_out using (source_no, row_no) {delivery.join}
    """).to_arrow_reader(_BATCH)
    # a batch is written while the next one is computed; no more than these two are in memory
    with pq.ParquetWriter(file, loaded.schema, compression="zstd") as writer, ThreadPoolExecutor(1) as disk:
        writing: Future[None] | None = None
        for batch in loaded:
            if writing:
                writing.result()
            writing = disk.submit(writer.write_batch, batch)
        if writing:
            writing.result()
    # Arrow would keep what it has let go for itself, and dbt needs it next
    pa.default_memory_pool().release_unused()


def _unreadable(files: Sequence[Path], wrong: duckdb.Error) -> ExportError:
    """What DuckDB says of a file, in the export's terms."""
    told = first_line(wrong)
    if "the GA4 export has" in told:
        # several files of a day are read at once: the first whose columns do not fit is meant
        file = next((file for file in files if _has_type(file, told)), files[0])
        return ExportError(f"{file}: {told[told.index('column ') :]}.", "E_SCHEMA_TYPE")
    file = next((file for file in files if str(file) in told), files[0])
    return ExportError(f"{file} is damaged: {told}.", "E_FILE_DAMAGED")


def _has_type(file: Path, told: str) -> bool:
    return told[told.index("column ") :] in conform(open_parquet(file).schema_arrow)
