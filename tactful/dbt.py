"""The dbt project: the variables it is run with, and its manifest, kept as new as the project."""

import json
import subprocess
import sys
from datetime import date
from pathlib import Path

from tactful.home import PROJECT, environment
from tactful.settings import Settings
from tactful.source import Source

DBT_PROJECT = PROJECT / "dbt_project"
MANIFEST = DBT_PROJECT / "target" / "manifest.json"
_SUFFIXES = {".sql", ".yml"}


class ManifestError(ValueError):
    """dbt can't read its own project; the message is what dbt says."""


def variables(settings: Settings, first: date, last: date, newest: date) -> str:
    """The variables with which dbt builds the days from `first` to `last`, both included, as JSON.

    `newest` is the export's last day: until then, what remembers the days is built again. BigQuery replaces whole days
    or nothing, so that there the days to build must reach as far themselves.
    """
    return json.dumps(
        {
            "first_day": first.isoformat(),
            "last_day": last.isoformat(),
            "newest_day": (last if settings.profile == "gcp" else newest).isoformat(),
            "landed_events": str(settings.home / "ga4_export" / "events" / "events_*.parquet"),
            "landed_manifests": str(settings.home / "ga4_export" / "manifest" / "*.json"),
            "conversion_event": settings.conversion_event,
            "time_zone": settings.time_zone,
            "export_delay_hours": settings.export_delay_hours,
            **({"export_dataset": settings.export_dataset} if settings.profile == "gcp" else {}),
        }
    )


def ensure_manifest(settings: Settings, source: Source) -> None:
    """Parse the dbt project if a file of it is newer than the manifest.

    It is parsed with the variables of a run over all days, so that such a run need not parse it again.

    Raises:
        ManifestError: dbt can't parse it.
    """
    if MANIFEST.is_file() and MANIFEST.stat().st_mtime >= _newest():
        return
    dbt = Path(sys.executable).with_name("dbt")
    parsed = subprocess.run(
        [
            *(dbt, "--quiet", "parse", "--project-dir", DBT_PROJECT, "--profiles-dir", DBT_PROJECT),
            *("--vars", variables(settings, source.first, source.last, source.last)),
        ],
        env=environment(settings),
        capture_output=True,
        text=True,
        check=False,
    )
    if parsed.returncode:
        raise ManifestError(f"dbt can't parse {DBT_PROJECT}: {(parsed.stdout or parsed.stderr).strip()}")


def _newest() -> float:
    files = (
        file
        for file in DBT_PROJECT.rglob("*")
        if file.suffix in _SUFFIXES and file.relative_to(DBT_PROJECT).parts[0] not in ("target", "logs")
    )
    return max(file.stat().st_mtime for file in files)
