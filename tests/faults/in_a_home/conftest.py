"""A copy of the home that the main job has run in, for each test anew, and what runs jobs in it."""

import shutil
from collections.abc import Iterator
from contextlib import closing

import pytest

from tactful import home
from tactful.settings import REMEMBERED, Settings
from tests.conftest import Ran
from tests.faults.killing import Jobs

_SLOW_IMPORTS = ("great_expectations.expectations", "feast", "mlflow", "ml.segment_release")


@pytest.fixture(scope="session")
def _jobs(ran: Ran, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Jobs]:
    copy = shutil.copytree(ran.home, tmp_path_factory.mktemp("lived_in") / "home")
    with closing(Jobs(Settings(_env_file=ran.home / REMEMBERED, home=copy), *_SLOW_IMPORTS)) as jobs:
        yield jobs


@pytest.fixture
def jobs(_jobs: Jobs, ran: Ran) -> Jobs:
    """The jobs of a copy of the run's home, which is the test's own."""
    shutil.rmtree(_jobs.settings.home)
    shutil.copytree(ran.home, _jobs.settings.home)
    home.prepare(_jobs.settings)
    return _jobs


@pytest.fixture
def lived_in(jobs: Jobs) -> Settings:
    """The settings of that copy."""
    return jobs.settings
