"""What all tests share."""

import os
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb
import pandas as pd
import pytest
from xdist.remote import Producer
from xdist.scheduler import LoadFileScheduling

from tactful import home
from tactful.dbt import MANIFEST, ensure_manifest
from tactful.settings import Settings
from tactful.source import source_of

PROJECT = Path(__file__).parents[1]
_MAIN_JOB = "tests/main_job/"
_OF_ITS_HOME = (_MAIN_JOB, "tests/faults/in_a_home/")


@pytest.fixture(scope="session")
def ga4_sample() -> Path:
    """Real rows of GA4's public sample, where they lie beside the project."""
    folder = PROJECT.parent / "shared" / "data" / "ga4_sample"
    if not folder.is_dir():
        pytest.skip("the public GA4 sample does not lie beside the project")
    return folder


def pytest_configure(config: pytest.Config) -> None:
    """Parse dbt's manifest where the project has changed, once and before tests run side by side."""
    if not hasattr(config, "workerinput") and not config.option.collectonly:
        settings = Settings(home=Path(tempfile.mkdtemp()))
        home.prepare(settings)
        ensure_manifest(settings, source_of(settings))


class OneWorkerAFile(LoadFileScheduling):  # type: ignore[misc]
    """Tests of a file run on one worker, and so do all that look at the main job's home, which is built once."""

    def _split_scope(self, nodeid: str) -> str:
        file = nodeid.partition("::")[0]
        return _MAIN_JOB if file.startswith(_OF_ITS_HOME) else file


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> OneWorkerAFile:
    return OneWorkerAFile(config, log)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Whole processes, in few folders, take longest and come first: no worker is left with one of them at the end."""
    items.sort(key=lambda item: (not item.nodeid.startswith(_MAIN_JOB), len(item.path.parts)))


@pytest.fixture(scope="session")
def manifest() -> Path:
    """dbt's manifest."""
    return MANIFEST


@pytest.fixture
def gcp(tmp_path: Path) -> Settings:
    """All that the profile gcp needs, for servers that are not there."""
    return gcp_settings(tmp_path)


def gcp_settings(home: Path, **others: Any) -> Settings:
    """The settings of the profile gcp for two weeks of an export."""
    stated = {
        "profile": "gcp",
        "gcp_project": "my-shop-123",
        "gcp_location": "EU",
        "export_dataset": "analytics_1",
        "first_day": "2026-01-05",
        "last_day": "2026-01-18",
        "redis_url": "redis://:hush@127.0.0.1:1/0",
        "postgres_url": "postgresql://user:hush@127.0.0.1:1/tactful",
        "artifacts": (home / "artifacts").as_uri(),
    }
    return Settings(home=home, **{**stated, **others})


def tactful(*arguments: str, home: Path, **variables: str) -> subprocess.CompletedProcess[str]:
    """The command line in a process of its own, with no other settings than these."""
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("TACTFUL_")}
    return subprocess.run(
        [sys.executable, "-m", "tactful", *arguments],
        env={**inherited, "TACTFUL_HOME": str(home), "COLUMNS": "160", **variables},
        cwd=PROJECT,
        capture_output=True,
        text=True,
        check=False,
    )


@dataclass(frozen=True)
class Ran:
    """A home in which the main job has run, and what it printed."""

    home: Path
    variables: dict[str, str]
    printed: str

    def query(self, sql: str) -> pd.DataFrame:
        """Rows of the warehouse."""
        with duckdb.connect(str(self.home / "warehouse.duckdb"), read_only=True) as connection:
            connection.execute("use tactful")
            rows: pd.DataFrame = connection.execute(sql).df()
        return rows


@pytest.fixture(scope="session")
def ran(tmp_path_factory: pytest.TempPathFactory, manifest: Path) -> Ran:
    """The main job on three small weeks of the simulated shop; few rows do, as the conversion needs no pop-up."""
    home = tmp_path_factory.mktemp("home")
    variables = {
        "TACTFUL_SIMULATION_DAYS": "21",
        "TACTFUL_SIMULATION_SESSIONS": "300",
        "TACTFUL_CONVERSION_EVENT": "add_to_cart",
    }
    outcome = tactful("run", home=home, **variables)
    assert outcome.returncode == 0, outcome.stdout + outcome.stderr
    return Ran(home, variables, outcome.stdout)


_outcome = pytest.StashKey[int]()


def pytest_sessionfinish(session: pytest.Session, exitstatus: int) -> None:
    session.config.stash[_outcome] = int(exitstatus)


@pytest.hookimpl(trylast=True)
def pytest_unconfigure(config: pytest.Config) -> None:
    """Leave at once, so that pytest's own line is the last one.

    DuckDB's binding would else print pages about objects of its own that hypothesis keeps alive until the end.
    """
    sys.stdout.flush()
    os._exit(config.stash.get(_outcome, pytest.ExitCode.INTERNAL_ERROR))
