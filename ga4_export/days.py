"""Land several days: what can't be landed keeps none of the others out, and is on record."""

import json
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from datetime import date, datetime, timedelta
from pathlib import Path

from ga4_export import replay, whole
from ga4_export.files import day_is_missing, digest_of
from ga4_export.landing import Landing
from ga4_export.listing import ExportError
from ga4_export.manifest import LandedDay
from ga4_export.sizes import shrunken_days

REWRITTEN = timedelta(days=3)
"""GA4 rewrites a day for up to three days after it."""

# Parts of landing a day keep one processor busy at most.
_AT_ONCE = 2


@dataclass(frozen=True)
class Refused:
    """A day that could not be landed, with what was wrong; its files are where they were, untouched."""

    day: str
    files: tuple[str, ...]
    code: str
    detail: str
    first_seen: str


@dataclass(frozen=True)
class LandedDays:
    """What landing several days did."""

    days: tuple[LandedDay, ...]
    refused: tuple[Refused, ...]

    @property
    def counts(self) -> dict[str, int]:
        """Rows by where they went, files, and the days whose files were new."""
        files = [file for day in self.days for file in day.files]
        return {
            "rows_read": sum(file.rows_read for file in files),
            "rows_loaded": sum(file.rows_loaded for file in files),
            "rows_duplicate": sum(file.rows_duplicate for file in files),
            "rows_quarantined": sum(file.rows_quarantined for file in files),
            "rows_suppressed": sum(file.rows_suppressed for file in files),
            "rows_new": sum(day.rows_new for day in self.days if day.is_new),
            "rows_gone": sum(day.rows_gone for day in self.days if day.is_new),
            "days": len(self.days),
            "days_changed": sum(day.is_new for day in self.days),
            "files": len(files),
            "bytes": sum(file.size for file in files),
        }

    @property
    def reasons(self) -> Counter[str]:
        """Quarantined rows by reason code."""
        return sum((Counter(day.reasons) for day in self.days), Counter[str]())

    @property
    def signals(self) -> Counter[str]:
        """Loaded rows by what is worth knowing of them."""
        return sum((Counter(day.signals) for day in self.days), Counter[str]())

    @property
    def columns_unknown(self) -> tuple[str, ...]:
        """Columns of the files that the export schema does not know."""
        return tuple(sorted({column for day in self.days for column in day.columns_unknown}))


def land_days(
    landing: Landing, exported: Mapping[date, Sequence[Path]], days: Iterable[date], now: datetime
) -> LandedDays:
    """Land each of `days`; what is wrong with one is kept beside the landed ones until it lands."""
    asked = tuple(days)
    shrunken = shrunken_days(exported, asked, landing)

    def land(day: date) -> LandedDay | Refused:
        return _land(landing, day, exported.get(day, ()), shrunken.get(day), now)

    waiting = iter(asked)
    outcomes: list[LandedDay | Refused] = []
    # whose export it is, the others learn from the first that lands
    while not _tells_streams(outcomes) and (day := next(waiting, None)):
        outcomes.append(land(day))
    with ThreadPoolExecutor(_AT_ONCE) as pool:
        outcomes += pool.map(land, waiting)
    landed = tuple(outcome for outcome in outcomes if isinstance(outcome, LandedDay))
    return LandedDays(landed, tuple(outcome for outcome in outcomes if isinstance(outcome, Refused)))


def refused_days(landing: Landing) -> tuple[Refused, ...]:
    """The days that could not be landed, and have not been since."""
    records = sorted((landing.folder / "refused").glob("*.json"))
    stated = [json.loads(record.read_text()) for record in records]
    return tuple(Refused(**{**record, "files": tuple(record["files"])}) for record in stated)


def changed_days(landing: Landing, exported: Mapping[date, Sequence[Path]]) -> tuple[date, ...]:
    """The landed days whose files are others by now."""
    return tuple(
        day
        for day in landing.landed_days()
        if day in exported and (landed := landing.landed(day)) and _is_changed(landed, exported[day])
    )


def built_days(landing: Landing, days: Iterable[date]) -> tuple[date, ...]:
    """Those of `days` of which there is something to build: they are landed, and not without rows."""
    return tuple(day for day in days if (landed := landing.landed(day)) and landed.rows_read)


def _land(
    landing: Landing, day: date, files: Sequence[Path], shrunken: ExportError | None, now: datetime
) -> LandedDay | Refused:
    record = _record(landing, day)
    try:
        if not files:
            raise day_is_missing(day)
        if shrunken:
            raise shrunken
        landed = landing.land(day, files, now)
        # also of a day that was landed before, by a process that ended here
        replay.resume(landing, day, now)
    except ExportError as problem:
        refused = Refused(str(day), tuple(map(str, files)), problem.code, str(problem), now.isoformat())
        whole.text(record, json.dumps(asdict(refused), indent=1))
        return refused
    record.unlink(missing_ok=True)
    return landed


def _tells_streams(outcomes: Iterable[LandedDay | Refused]) -> bool:
    return any(isinstance(outcome, LandedDay) and outcome.streams for outcome in outcomes)


def _record(landing: Landing, day: date) -> Path:
    return landing.folder / "refused" / f"{day:%Y%m%d}.json"


def _is_changed(landed: LandedDay, files: Sequence[Path]) -> bool:
    if sorted(file.stat().st_size for file in files) != sorted(file.size for file in landed.files):
        return True
    # what has not been touched since it was landed need not be read again
    is_touched = any(file.stat().st_mtime >= landed.landed_at for file in files)
    return is_touched and sorted(digest_of(file) for file in files) != landed.digests
