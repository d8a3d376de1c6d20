"""The files of an export, as they lie: readable or refused, by content."""

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from datetime import date
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from ga4_export.conform import missing_columns
from ga4_export.listing import ExportError, missing_days, name_of
from ga4_export.manifest import SourceFile
from ga4_export.schema import SIMULATED


def open_parquet(file: Path) -> pq.ParquetFile:
    """A file's footer.

    Raises:
        ExportError: it is no Parquet file, or not a whole one.
    """
    try:
        return pq.ParquetFile(file)
    except (pa.ArrowInvalid, OSError) as unreadable:
        raise ExportError(f"{file} is not a Parquet file: {first_line(unreadable)}.", "E_FILE_DAMAGED") from None


def source_of(file: Path) -> SourceFile:
    """A file by its content, none of its rows judged yet.

    Raises:
        ExportError: it is no Parquet file, or lacks a column without which it is no GA4 export.
    """
    parquet = open_parquet(file)
    if missing := missing_columns(parquet.schema_arrow):
        raise ExportError(f"{file} lacks the columns {', '.join(missing)} of a GA4 export.", "E_SCHEMA_MISSING_COLUMN")
    return SourceFile(name_of(file), file.stat().st_size, digest_of(file), parquet.metadata.num_rows)


def digest_of(file: Path) -> str:
    """SHA-256 of a file, in hex."""
    with file.open("rb") as content:
        return hashlib.file_digest(content, "sha256").hexdigest()


def problems_of(exported: Mapping[date, Sequence[Path]]) -> tuple[str, ...]:
    """What can be seen to be wrong with an export without reading its rows: missing days, files and columns."""
    gaps = [str(day_is_missing(day)) for day in missing_days(exported)]
    files = (file for files in exported.values() for file in files)
    return (*gaps, *(problem for file in files for problem in _seen_in(file)))


def is_simulated(exported: Mapping[date, Sequence[Path]]) -> bool:
    """Whether an export's visitors are made up, by the first of its files that can be read."""
    for file in (file for files in exported.values() for file in files):
        try:
            return says_simulated(file)
        except ExportError:
            continue
    return False


def says_simulated(file: Path) -> bool:
    """Whether a file says of itself that its visitors are made up.

    Raises:
        ExportError: it is no Parquet file, or not a whole one.
    """
    return SIMULATED in (open_parquet(file).metadata.metadata or {})


def day_is_missing(day: date) -> ExportError:
    """What is said of a day without files."""
    return ExportError(f"Day {day} is missing: the export holds no events_{day:%Y%m%d}.parquet.", "E_GA4_DAY_MISSING")


def quoted(text: Path | str) -> str:
    """A path or name as SQL writes a text."""
    return "'" + str(text).replace("'", "''") + "'"


def first_line(error: Exception) -> str:
    """What another library says, without its second line and its full stop."""
    return str(error).splitlines()[0].rstrip(".")


def _seen_in(file: Path) -> Iterator[str]:
    try:
        if missing := missing_columns(open_parquet(file).schema_arrow):
            yield f"{file} lacks the columns {', '.join(missing)} of a GA4 export."
    except ExportError as problem:
        yield str(problem)
