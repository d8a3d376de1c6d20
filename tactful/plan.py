"""Which days a run has to build: those whose files, settings or code changed since the last run that ended well."""

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path

from ga4_export.days import REWRITTEN
from ga4_export.listing import list_days
from tactful.home import PROJECT
from tactful.landing import privacy_of
from tactful.settings import SECRETS, Settings
from tactful.source import Source, day_tables

_RECORD = "last_run.json"
_CODE = ("ga4_export", "simulator", "dbt_project", "feature_repo", "expectations", "ml", "serving", "orchestration")
_CODE_SUFFIXES = {".py", ".sql", ".yml", ".yaml"}
_PORTS = {"dagster_port", "mlflow_port", "decision_port", "reports_port"}
_SERVED = {"host", "features_deadline_ms", "features_kept_ms", "scoring"}
# first and last day are told by the days themselves; the others say when a run is asked for, not what comes of it
_NO_INPUT = {*_PORTS, *_SERVED, "first_day", "last_day", "retrain_cooldown_hours", "data_until_hour", *SECRETS}


@dataclass(frozen=True)
class Inputs:
    """All that a run's results depend on: a fingerprint for each day's files, and one for settings and code."""

    days: Mapping[str, str]
    rest: str


@dataclass(frozen=True)
class Plan:
    """The days to build, both included, and why; a rebuild starts tables and their history afresh."""

    first: date
    last: date
    reason: str
    is_rebuild: bool = False


def inputs_of(settings: Settings, source: Source) -> Inputs:
    """The inputs as they are now; files and tables count as changed when size or time of change differ."""
    if source.kind == "own":
        span = (source.first + timedelta(days=n) for n in range((source.last - source.first).days + 1))
        days = {day.isoformat(): "simulated" for day in span}
    elif source.kind == "bigquery":
        tables = {day: table for day, table in day_tables(settings).items() if source.first <= day <= source.last}
        days = {day.isoformat(): f"{table.rows}:{table.changed_at}" for day, table in tables.items()}
    else:
        days = {day.isoformat(): _fingerprint(files) for day, files in list_days(source.folder).items()}
    stated = settings.model_dump_json(exclude=_NO_INPUT)
    return Inputs(days, hashlib.sha256((stated + privacy_of(settings).digest + _code()).encode()).hexdigest())


def plan(before: Inputs | None, now: Inputs, source: Source) -> Plan | None:
    """What to build; None when nothing is new."""
    if before is None:
        return Plan(source.first, source.last, "first run", is_rebuild=True)
    if before.rest != now.rest:
        return Plan(source.first, source.last, "settings or code changed", is_rebuild=True)
    late = set(late_days(before, now, source))
    changed = [day for day in _changed(before, now) if day not in late]
    if not changed:
        return None
    # a session of the day before may go on into the first changed day
    first = max(min(changed) - timedelta(days=1), source.first)
    return Plan(first, source.last, f"{len(changed)} days new or changed")


def late_days(before: Inputs | None, now: Inputs, source: Source) -> tuple[date, ...]:
    """The days that were built before and changed later than GA4 says it changes them; they wait for a backfill."""
    if before is None or before.rest != now.rest:
        return ()
    return tuple(day for day in _changed(before, now) if str(day) in before.days and day < source.last - REWRITTEN)


def with_days(inputs: Inputs, other: Inputs, days: Iterable[date]) -> Inputs:
    """`inputs`, but for `days`, which are as they are in `other`."""
    others = {str(day): other.days[str(day)] for day in days if str(day) in other.days}
    return Inputs({**inputs.days, **others}, inputs.rest)


def recorded(home: Path) -> Inputs | None:
    """The inputs of the last run that ended well."""
    file = home / _RECORD
    return Inputs(**json.loads(file.read_text())) if file.is_file() else None


def record(home: Path, inputs: Inputs) -> None:
    """Note that a run over `inputs` ended well."""
    partial = home / f"{_RECORD}.partial"
    partial.write_text(json.dumps({"days": dict(inputs.days), "rest": inputs.rest}))
    partial.replace(home / _RECORD)


def _changed(before: Inputs, now: Inputs) -> list[date]:
    return [date.fromisoformat(day) for day in now.days if before.days.get(day) != now.days[day]]


def _fingerprint(files: Iterable[Path]) -> str:
    return ";".join(f"{file.name}:{file.stat().st_size}:{file.stat().st_mtime_ns}" for file in files)


def _code() -> str:
    files = (
        file
        for package in _CODE
        for file in sorted((PROJECT / package).rglob("*"))
        if file.suffix in _CODE_SUFFIXES and "target" not in file.parts
    )
    digest = hashlib.sha256()
    for file in files:
        digest.update(file.read_bytes())
    return digest.hexdigest()
