"""What is in order and what is not, each with what to do about it."""

import os
import socket
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.util import find_spec

from rich.console import Console
from rich.table import Table

from ga4_export.bigquery import LOGIN, find_credentials
from ga4_export.listing import ExportError, list_days, missing_days
from serving.clock import SECOND
from tactful import stores
from tactful.counted import counted
from tactful.dbt import MANIFEST
from tactful.home import HomeError
from tactful.settings import NEEDED_BY_GCP, PREFIX, Settings, variable
from tactful.ui import LOOPBACK, servers

_GCP_PACKAGES = ("dbt.adapters.bigquery", "google.cloud.bigquery", "dagster_postgres", "psycopg2", "redis")


@dataclass(frozen=True)
class Finding:
    """One thing looked at; `advice` says what to do where it is not in order."""

    subject: str
    is_in_order: bool
    found: str
    advice: str = ""


def examine(settings: Settings, console: Console) -> int:
    """Print the findings; returns 1 if something is not in order."""
    findings = list(_findings(settings))
    table = Table(box=None, pad_edge=False)
    for column in ("", "what", "found", "what to do"):
        table.add_column(column, overflow="fold")
    for finding in findings:
        mark = "[green]ok[/]" if finding.is_in_order else "[red]no[/]"
        table.add_row(mark, finding.subject, finding.found, "" if finding.is_in_order else finding.advice)
    console.print(table)
    return 0 if all(finding.is_in_order for finding in findings) else 1


def _findings(settings: Settings) -> Iterator[Finding]:
    version = sys.version_info
    found = f"{version.major}.{version.minor}"
    yield Finding("Python", version >= (3, 11), found, "install Python 3.11 or newer, then `make run`")
    yield _home(settings)
    yield _erasures(settings)
    yield from _cloud(settings) if settings.profile == "gcp" else [_export(settings)]
    yield Finding("dbt manifest", MANIFEST.is_file(), str(MANIFEST), "`make run` parses the dbt project")
    summary = settings.home / "reports" / "summary.json"
    yield Finding("last run", summary.is_file(), str(summary) if summary.is_file() else "none", "`make run`")
    for server in servers(settings):
        if server.port is not None:
            yield _port(server.name, server.port, f"{PREFIX}{server.setting}")


def _cloud(settings: Settings) -> Iterator[Finding]:
    """What the profile gcp needs; a server is spoken to only where its address is set."""
    for name in map(variable, NEEDED_BY_GCP):
        what = settings.missing.get(name)
        yield Finding(name, what is None, "not set" if what else "set", f"set it: {what}")
    absent = [package for package in _GCP_PACKAGES if find_spec(package) is None]
    yield Finding("packages", not absent, ", ".join(absent or _GCP_PACKAGES), "`make run` installs them")
    login = find_credentials()
    yield Finding("Google credentials", login is not None, login or "none", f"`{LOGIN}`")
    for name, address, ping in (
        ("Redis", "redis_url", stores.ping_redis),
        ("Postgres", "postgres_url", stores.ping_postgres),
    ):
        if getattr(settings, address) is not None:
            problem = ping(settings)
            yield Finding(name, problem is None, problem or "answers", f"start it, or mend {variable(address)}")


def _home(settings: Settings) -> Finding:
    nearest = settings.home
    while not nearest.exists():
        nearest = nearest.parent
    return Finding(
        "home", os.access(nearest, os.W_OK), str(settings.home), f"set {PREFIX}HOME to a folder that can be written"
    )


def _erasures(settings: Settings) -> Finding:
    from tactful.erase import asked

    try:
        to_do = [wish for of_record in asked(settings).values() for wish in of_record]
    except HomeError as error:
        return Finding("users to erase", False, "not known", str(error))
    if not to_do:
        return Finding("users to erase", True, "none")
    oldest = datetime.fromtimestamp(min(wish.asked_at for wish in to_do) / SECOND, UTC)
    advice = "`tactful erase --asked`, or by hand with the profile gcp (docs/privacy.md)"
    return Finding("users to erase", False, f"{counted(len(to_do), 'request')}, the first of {oldest:%Y-%m-%d}", advice)


def _export(settings: Settings) -> Finding:
    if settings.export is None:
        return Finding("export", True, "none: the simulator's shop")
    try:
        days = list_days(settings.export)
    except ExportError as error:
        return Finding("export", False, str(settings.export), str(error))
    gaps = missing_days(days)
    found = f"{len(days)} days, {min(days)} to {max(days)}, {len(gaps)} missing between"
    return Finding("export", not gaps, found, f"add {', '.join(f'events_{day:%Y%m%d}.parquet' for day in gaps[:3])}")


def _port(name: str, port: int, setting: str) -> Finding:
    with socket.socket() as probe:
        is_free = probe.connect_ex((LOOPBACK, port)) != 0
    return Finding(f"port {port}", is_free, name, f"in use (by `tactful ui`?): set {setting} to a free one")
