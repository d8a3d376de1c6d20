"""Land one day of an export: every row is either landed or quarantined, and the day changes as a whole or not at all.

- `<landing>/events/events_YYYYMMDD.parquet`: rows in the export schema, and `known_at`
- `<landing>/quarantine/events_YYYYMMDD.parquet`: rows kept out, as JSON, with the reason
- `<landing>/manifest/YYYYMMDD.json`: what was read and where it went
"""

import hashlib
import json
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pyarrow as pa
import pyarrow.parquet as pq

from ga4_export import quarantine, whole
from ga4_export.conform import conform, missing_columns, unknown_columns
from ga4_export.deliveries import KNOWN_AT, known_at
from ga4_export.listing import ExportError, missing_days
from ga4_export.schema import EVENTS

LANDED = EVENTS.append(KNOWN_AT)
MISDATED_LIMIT = 0.001


@dataclass(frozen=True)
class SourceFile:
    """A file of an export, by its content; size in bytes."""

    name: str
    size: int
    sha256: str
    rows_read: int


@dataclass(frozen=True)
class LandedDay:
    """Where each row of a day's files went; `rows_read = rows_landed + rows_quarantined`."""

    day: str
    files: tuple[SourceFile, ...]
    rows_read: int
    rows_landed: int
    rows_quarantined: int
    reasons: dict[str, int]
    columns_unknown: tuple[str, ...]
    known_at: str
    is_new: bool


@dataclass(frozen=True)
class Landing:
    """The folder that days are landed in, and the clock of the property they come from."""

    folder: Path
    zone: ZoneInfo
    export_delay: timedelta

    def land(self, day: date, files: Sequence[Path], now: datetime) -> LandedDay:
        """Land `files` as `day`, or leave the landed day alone when its files have not changed.

        Raises:
            ExportError: a file is not Parquet, lacks a required column, has a wrong type, or is of another day.
        """
        before = self.landed(day)
        sources = [_source(file) for file in files]
        if before and sorted(source.sha256 for source in sources) == sorted(source.sha256 for source in before.files):
            return LandedDay(**{**asdict(before), "files": before.files, "is_new": False})
        clock = (self.events(day), now) if before else (None, self._delivered_at(day))
        landed = _write(self, day, list(zip(files, sources, strict=True)), *clock)
        whole.text(self._manifest(day), json.dumps(asdict(landed), indent=1))
        return landed

    def landed_days(self) -> tuple[date, ...]:
        """The days that are landed, in order."""
        manifests = (self.folder / "manifest").glob("*.json")
        return tuple(sorted(datetime.strptime(manifest.stem, "%Y%m%d").date() for manifest in manifests))

    def landed(self, day: date) -> LandedDay | None:
        """What is landed of `day`."""
        if not self._manifest(day).is_file():
            return None
        stated = json.loads(self._manifest(day).read_text())
        files = tuple(SourceFile(**file) for file in stated["files"])
        return LandedDay(**{**stated, "files": files, "columns_unknown": tuple(stated["columns_unknown"])})

    def events(self, day: date) -> Path:
        """The landed rows of `day`."""
        return self.folder / "events" / f"events_{day:%Y%m%d}.parquet"

    def quarantine(self, day: date) -> Path:
        """The rows of `day` that were kept out."""
        return self.folder / "quarantine" / f"events_{day:%Y%m%d}.parquet"

    def _manifest(self, day: date) -> Path:
        return self.folder / "manifest" / f"{day:%Y%m%d}.json"

    def _delivered_at(self, day: date) -> datetime:
        """When GA4 delivers a day for the first time; what a later delivery adds is known from when it was landed."""
        midnight = datetime.combine(day + timedelta(days=1), time(), self.zone)
        return midnight.astimezone(UTC) + self.export_delay


@dataclass(frozen=True)
class LandedDays:
    """What landing several days did; `problems` says for each day that could not be landed what was wrong with it."""

    days: tuple[LandedDay, ...]
    problems: tuple[str, ...]

    @property
    def counts(self) -> dict[str, int]:
        """Rows by where they went, files, and the days whose files were new."""
        return {
            "rows_read": sum(day.rows_read for day in self.days),
            "rows_landed": sum(day.rows_landed for day in self.days),
            "rows_quarantined": sum(day.rows_quarantined for day in self.days),
            "days": len(self.days),
            "days_changed": sum(day.is_new for day in self.days),
            "files": sum(len(day.files) for day in self.days),
            "bytes": sum(file.size for day in self.days for file in day.files),
        }

    @property
    def reasons(self) -> Counter[str]:
        """Quarantined rows by reason code."""
        return sum((Counter(day.reasons) for day in self.days), Counter[str]())

    @property
    def columns_unknown(self) -> tuple[str, ...]:
        """Columns of the files that the export schema does not know."""
        return tuple(sorted({column for day in self.days for column in day.columns_unknown}))


def land_days(
    landing: Landing, exported: Mapping[date, Sequence[Path]], days: Iterable[date], now: datetime
) -> LandedDays:
    """Land each of `days`; a day that can't be landed keeps none of the others out."""
    landed, problems = [], []
    for day in days:
        try:
            if day not in exported:
                raise ExportError(f"Day {day} is missing: the export holds no events_{day:%Y%m%d}.parquet.")
            landed.append(landing.land(day, exported[day], now))
        except ExportError as problem:
            problems.append(str(problem))
    return LandedDays(tuple(landed), tuple(problems))


def problems_of(exported: Mapping[date, Sequence[Path]]) -> tuple[str, ...]:
    """What can be seen to be wrong with an export without reading its rows: missing days, files and columns."""
    gaps = [f"Day {day} is missing: the export holds no events_{day:%Y%m%d}.parquet." for day in missing_days(exported)]
    files = (file for files in exported.values() for file in files)
    return (*gaps, *(problem for file in files for problem in _seen_in(file)))


def _seen_in(file: Path) -> Iterator[str]:
    try:
        _refuse_missing_columns(file, _open(file))
    except ExportError as problem:
        yield str(problem)


def _refuse_missing_columns(file: Path, parquet: pq.ParquetFile) -> None:
    if missing := missing_columns(parquet.schema_arrow):
        raise ExportError(f"{file} lacks the columns {', '.join(missing)} of a GA4 export.")


def _write(
    landing: Landing, day: date, files: Sequence[tuple[Path, SourceFile]], former: Path | None, now: datetime
) -> LandedDay:
    events, kept_out = landing.events(day), landing.quarantine(day)
    reasons: Counter[str] = Counter()
    unknown: set[str] = set()
    with whole.parquet(events, LANDED) as good, whole.parquet(kept_out, quarantine.SCHEMA) as bad:
        for file, source in files:
            row = 0
            for table in _row_groups(file, unknown):
                fits, misfits = quarantine.split(table, day, source.name, source.sha256, row)
                good.write_table(fits.append_column(KNOWN_AT, known_at(fits, former, now)))
                bad.write_table(misfits)
                reasons.update(misfits.column("reason_code").to_pylist())
                row += table.num_rows
        rows_read = sum(source.rows_read for _, source in files)
        misdated = reasons[quarantine.DATE_MISMATCH]
        if misdated > MISDATED_LIMIT * rows_read:
            raise ExportError(
                f"{files[0][0]}: {misdated} of {rows_read} rows are of another day than {day}; is the file misnamed?"
            )
    return LandedDay(
        day=day.isoformat(),
        files=tuple(source for _, source in files),
        rows_read=rows_read,
        rows_landed=rows_read - sum(reasons.values()),
        rows_quarantined=sum(reasons.values()),
        reasons=dict(reasons),
        columns_unknown=tuple(sorted(unknown)),
        known_at=now.isoformat(),
        is_new=True,
    )


def _row_groups(file: Path, unknown: set[str]) -> Iterator[pa.Table]:
    parquet = _open(file)
    _refuse_missing_columns(file, parquet)
    unknown.update(unknown_columns(parquet.schema_arrow))
    for group in range(parquet.num_row_groups):
        try:
            yield conform(parquet.read_row_group(group))
        except ExportError as wrong:
            raise ExportError(f"{file}: {wrong}.") from None
        except (pa.ArrowInvalid, OSError) as damaged:
            raise ExportError(f"{file} is damaged in row group {group}: {_first_line(damaged)}.") from None


def _source(file: Path) -> SourceFile:
    with file.open("rb") as content:
        sha256 = hashlib.file_digest(content, "sha256").hexdigest()
    return SourceFile(file.name, file.stat().st_size, sha256, _open(file).metadata.num_rows)


def _open(file: Path) -> pq.ParquetFile:
    try:
        return pq.ParquetFile(file)
    except (pa.ArrowInvalid, OSError) as unreadable:
        raise ExportError(f"{file} is not a Parquet file: {_first_line(unreadable)}.") from None


def _first_line(error: Exception) -> str:
    return str(error).splitlines()[0].rstrip(".")
