"""One user erased from a home that was given an export, and nothing else: what is told, noted and refused."""

import fcntl
from io import StringIO
from pathlib import Path
from typing import Any

import duckdb
import pyarrow.parquet as pq
import pytest
from rich.console import Console

from tactful import home
from tactful.erase import erase
from tactful.home import HomeError
from tactful.landing import landing_of
from tactful.settings import Settings, SettingsError
from tactful.source import source_of
from tests.conftest import gcp_settings, tactful

NOBODY = "0000000000.0000000000"


@pytest.fixture
def console() -> Console:
    return Console(record=True, width=200, file=StringIO())


@pytest.fixture
def small(tmp_path: Path) -> Settings:
    """A home that was given an export, and nothing else."""
    settings = Settings(home=tmp_path / "home")
    home.prepare(settings)
    home.adopt(settings, source_of(settings))
    return settings


def test_an_unknown_user_is_noted_all_the_same(small: Settings) -> None:
    told = tactful("erase", NOBODY, home=small.home)

    assert told.returncode == 0, told.stderr
    assert "No store holds such a user" in told.stdout
    assert landing_of(small).erased.holds(NOBODY)


def test_another_export_of_the_home_does_not_bring_the_user_back(
    small: Settings, console: Console, tmp_path: Path
) -> None:
    erase(small, NOBODY, console)
    export = tmp_path / "export"
    export.mkdir()
    (export / "events_20260105.parquet").touch()
    other = small.model_copy(update={"export": export})

    assert home.adopt(other, source_of(other)) is not None

    assert landing_of(other).erased.holds(NOBODY)
    assert len(list((small.home / "erasures").iterdir())) == 1


def test_a_page_or_log_that_quotes_the_user_is_named(small: Settings, console: Console) -> None:
    (small.home / "logs" / "run.log").write_text(f"row of {NOBODY} is odd")

    assert erase(small, NOBODY, console).quoted_in == ("logs/run.log",)
    assert "Look at logs/run.log" in console.export_text()


def test_nobody_is_erased_while_a_run_works_on_the_home(small: Settings, console: Console) -> None:
    with (small.home / ".run.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        with pytest.raises(HomeError, match="in use by another run"):
            erase(small, NOBODY, console)
    assert not landing_of(small).erased.holds(NOBODY)


def test_a_pseudonymous_user_is_erased_by_ga4_s_own_id(small: Settings, console: Console) -> None:
    keyed = Settings(home=small.home, pseudonym_key="0123456789abcdef" * 2)
    stored = landing_of(keyed).privacy.stored_id(NOBODY)
    with duckdb.connect() as connection:
        for folder in ("training_sets", "decision_log"):
            (small.home / folder).mkdir()
            for name, user in (("before", NOBODY), ("after", stored), ("neighbour", f"{stored}0")):
                file = small.home / folder / f"{name}.parquet"
                connection.execute(f"copy (select '{user}' as user_pseudo_id) to '{file}'")

    removed = erase(keyed, NOBODY, console).rows
    for folder in ("training_sets", "decision_log"):
        assert removed[folder] == 2
        assert pq.read_metadata(small.home / folder / "neighbour.parquet").num_rows == 1


@pytest.mark.parametrize(
    ("settings", "user", "told"),
    [
        ({}, " ", "The user is blank"),
        ({"home": Path("nowhere")}, NOBODY, "Nothing has run in nowhere yet"),
    ],
)
def test_a_mistake_is_told(small: Settings, console: Console, settings: dict[str, Any], user: str, told: str) -> None:
    with pytest.raises(SettingsError, match=told):
        erase(small.model_copy(update=settings), user, console)


def test_on_bigquery_it_is_told_what_to_delete(tmp_path: Path, console: Console) -> None:
    with pytest.raises(SettingsError, match=r"delete the user's rows from analytics_1\.events_\*"):
        erase(gcp_settings(tmp_path), NOBODY, console)
