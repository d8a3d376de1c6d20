"""The platform while its export can't be read: Dagster loads it, says why nothing is built, and somebody is told."""

import json
import shutil
import subprocess
import sys
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest

from ga4_export.days import land_days
from ga4_export.listing import list_days
from simulator import export
from simulator.shop import Shop
from tactful.home import environment
from tactful.known import known_source
from tactful.landing import landing_of
from tactful.settings import Settings
from tests.conftest import PROJECT, gcp_settings
from tests.notice_server import receiver

DAYS = [date(2026, 1, 5), date(2026, 1, 6)]


@pytest.fixture
def landed(tmp_path: Path) -> Settings:
    """A home in which two days of an export were landed that is there no more."""
    folder = tmp_path / "export"
    export.write(folder, Shop(first_day=DAYS[0], days=2, sessions_per_day=20))
    settings = Settings(home=tmp_path / "home", export=folder)
    land_days(landing_of(settings), list_days(folder), DAYS, datetime.now(UTC))
    shutil.rmtree(folder)
    return settings


def _loaded(settings: Settings, notify: str) -> dict[str, Any]:
    """What a fresh process tells that loads the definitions."""
    told = subprocess.run(
        [sys.executable, PROJECT / "tests" / "orchestration" / "unreadable_export.py"],
        env={**environment(settings), "TACTFUL_NOTIFY": notify},
        cwd=PROJECT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert told.returncode == 0, told.stderr
    loaded: dict[str, Any] = json.loads(told.stdout)
    return loaded


def test_without_its_export_the_platform_loads_and_tells_why_it_builds_nothing(landed: Settings) -> None:
    why = f"Export folder {landed.export} is missing: name a folder of events_YYYYMMDD.parquet files."
    with receiver() as heard:
        loaded = _loaded(landed, heard.url)

    assert loaded == {
        "days": ["2026-01-05", "2026-01-06"],
        "tick": f"{why} It is looked for on the hour until 20:00.",
        "failed": {"ga4_export__events": why},
    }
    assert [(notice["message"], notice["type"]) for notice in heard.told] == [(loaded["tick"], "warning")]


def test_of_an_export_that_was_never_read_yesterday_alone_is_known(tmp_path: Path) -> None:
    known = known_source(Settings(home=tmp_path, export=tmp_path / "nowhere"))

    assert known.first == known.last < date.today()
    assert "nowhere is missing" in known.trouble


def test_on_bigquery_the_days_that_are_stated_are_known(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", str(tmp_path / "none.json"))
    known = known_source(gcp_settings(tmp_path, last_day=None, first_day=DAYS[0]))

    assert (known.place, known.first, known.kind) == ("my-shop-123.analytics_1", DAYS[0], "bigquery")
    assert known.trouble.startswith("Google Cloud credentials are missing")
