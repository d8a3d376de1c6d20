"""Orchestration reads the settings when it is imported; tests import it in their functions, after this."""

import os
from pathlib import Path

import pytest

from tactful.home import environment
from tactful.settings import Settings


@pytest.fixture(scope="session", autouse=True)
def settings_of_two_weeks(manifest: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    """Orchestration as it is in an empty home with the days from 2026-01-05 to 2026-01-18, whatever else is set."""
    with pytest.MonkeyPatch.context() as patch:
        for name in list(os.environ):
            if name.startswith("TACTFUL_"):
                patch.delenv(name)
        patch.setenv("TACTFUL_HOME", str(tmp_path_factory.mktemp("home")))
        patch.setenv("PATH", environment(Settings())["PATH"])
        patch.setenv("TACTFUL_SIMULATION_FIRST_DAY", "2026-01-05")
        patch.setenv("TACTFUL_SIMULATION_DAYS", "14")
        import orchestration.definitions  # noqa: F401
