"""Which days a run has to build: those whose files, settings or code changed since the last run that ended well."""

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path

from ga4_export.listing import list_days
from tactful.home import PROJECT
from tactful.settings import Settings
from tactful.source import Source

_RECORD = "last_run.json"
_CODE = ("ga4_export", "simulator", "dbt_project", "feature_repo", "expectations", "ml", "serving", "orchestration")
_CODE_SUFFIXES = {".py", ".sql", ".yml", ".yaml"}
_PORTS = {"dagster_port", "mlflow_port", "decision_port", "reports_port"}


@dataclass(frozen=True)
class Inputs:
    """All that a run's results depend on: a fingerprint for each day's files, and one for settings and code."""

    days: Mapping[str, str]
    rest: str


@dataclass(frozen=True)
class Plan:
    """The days to build, both included, and why."""

    first: date
    last: date
    reason: str


def inputs_of(settings: Settings, source: Source) -> Inputs:
    """The inputs as they are now; files count as changed when name, size or time of change differ."""
    if source.is_simulated:
        span = (source.first + timedelta(days=n) for n in range((source.last - source.first).days + 1))
        days = {day.isoformat(): "simulated" for day in span}
    else:
        days = {day.isoformat(): _fingerprint(files) for day, files in list_days(source.folder).items()}
    stated = settings.model_dump_json(exclude=_PORTS)
    return Inputs(days, hashlib.sha256((stated + _code()).encode()).hexdigest())


def plan(before: Inputs | None, now: Inputs, source: Source) -> Plan | None:
    """What to build; None when nothing is new."""
    if before is None:
        return Plan(source.first, source.last, "first run")
    if before.rest != now.rest:
        return Plan(source.first, source.last, "settings or code changed")
    changed = [day for day in now.days if before.days.get(day) != now.days[day]]
    if not changed:
        return None
    # a session of the day before may go on into the first changed day
    first = max(date.fromisoformat(min(changed)) - timedelta(days=1), source.first)
    return Plan(first, source.last, f"{len(changed)} days new or changed")


def recorded(home: Path) -> Inputs | None:
    """The inputs of the last run that ended well."""
    file = home / _RECORD
    return Inputs(**json.loads(file.read_text())) if file.is_file() else None


def record(home: Path, inputs: Inputs) -> None:
    """Note that a run over `inputs` ended well."""
    partial = home / f"{_RECORD}.partial"
    partial.write_text(json.dumps({"days": dict(inputs.days), "rest": inputs.rest}))
    partial.replace(home / _RECORD)


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
