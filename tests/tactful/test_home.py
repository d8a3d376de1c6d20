import fcntl
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tactful import home
from tactful.home import HomeError
from tactful.settings import Settings, SettingsError
from tactful.source import source_of
from tests.conftest import PROJECT, tactful
from tests.redis_server import free_port


def _settings(folder: Path, export: Path | None = None) -> Settings:
    if export:
        export.mkdir(exist_ok=True)
        (export / "events_20260101.parquet").touch()
    return Settings(home=folder, export=export)


def _adopt(settings: Settings) -> Path | None:
    home.prepare(settings)
    return home.adopt(settings, source_of(settings))


def test_another_export_sets_the_former_one_aside_and_brings_it_back(tmp_path: Path) -> None:
    folder = tmp_path / "home"
    simulated, exported = _settings(folder), _settings(folder, tmp_path / "export")
    assert _adopt(simulated) is None
    (folder / "warehouse.duckdb").write_text("simulated")

    set_aside = _adopt(exported)

    assert set_aside is not None
    assert (set_aside / "warehouse.duckdb").read_text() == "simulated"
    assert not (folder / "warehouse.duckdb").exists()
    _adopt(simulated)
    assert (folder / "warehouse.duckdb").read_text() == "simulated"


def test_the_way_back_to_a_simulated_shop_tells_the_settings_of_its_last_run(tmp_path: Path) -> None:
    settings = Settings(home=tmp_path / "home", simulation_days=30, conversion_event="add_to_cart")
    _adopt(settings)
    home.remember(settings)
    set_aside = _adopt(_settings(settings.home, tmp_path / "export"))

    assert set_aside is not None
    assert home.way_back(set_aside) == (
        "TACTFUL_CONVERSION_EVENT=add_to_cart TACTFUL_SIMULATION_DAYS=30 tactful run --simulated"
    )
    (set_aside / "settings.env").unlink()
    assert home.way_back(set_aside) == "tactful run --simulated"


def test_the_same_export_stays_where_it_is(tmp_path: Path) -> None:
    settings = _settings(tmp_path / "home")
    _adopt(settings)
    (settings.home / "warehouse.duckdb").touch()

    assert _adopt(settings) is None
    assert (settings.home / "warehouse.duckdb").exists()


def test_a_home_that_is_being_looked_at_is_not_given_to_another_export(tmp_path: Path) -> None:
    folder = tmp_path / "home"
    _adopt(_settings(folder))

    with (folder / ".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_SH)
        with pytest.raises(HomeError, match=r"is in use by a decision service or pages .* stop them before"):
            _adopt(_settings(folder, tmp_path / "export"))


def test_a_home_that_is_served_is_not_given_to_another_export_until_its_last_service_is_gone(tmp_path: Path) -> None:
    folder, other = tmp_path / "home", _settings(tmp_path / "home", tmp_path / "export")
    _adopt(_settings(folder))
    with _serving(folder) as first:
        key = (folder / "decisions" / "local.key").read_text()
        with _serving(folder):
            first.kill()
            first.wait()
            refused = tactful("run", "--export", str(other.export), "--without-broken-days", home=folder)

    assert refused.returncode == 2
    assert f"{folder} is in use by a decision service" in refused.stderr
    assert "set TACTFUL_HOME to another folder" in refused.stderr
    assert (folder / "decisions" / "local.key").read_text() == key
    assert not (folder / "earlier").exists()
    assert _adopt(other) is not None


@contextmanager
def _serving(folder: Path) -> Iterator["subprocess.Popen[str]"]:
    """A decision service of the home that has begun to answer: it says that it has no champion yet."""
    with subprocess.Popen(
        [sys.executable, "-m", "tactful", "serve"],
        env={**os.environ, "TACTFUL_HOME": str(folder), "TACTFUL_DECISION_PORT": str(free_port())},
        cwd=PROJECT,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stderr is not None
        assert "No new champion" in process.stderr.readline()
        yield process
        process.kill()


def test_two_runs_do_not_work_on_one_home(tmp_path: Path) -> None:
    settings = _settings(tmp_path / "home")
    home.prepare(settings)

    with home.running(settings), pytest.raises(HomeError, match="in use by another run"), home.running(settings):
        pass


def test_a_home_that_can_not_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").touch()

    with pytest.raises(HomeError, match=r"TACTFUL_HOME .*file/home can't be written"):
        home.prepare(Settings(home=tmp_path / "file" / "home"))


def test_what_another_server_may_be_reading_is_written_only_where_it_is_new(tmp_path: Path) -> None:
    file = tmp_path / "dagster" / "dagster.yaml"
    home.prepare(Settings(home=tmp_path))
    stated, written = file.read_text(), file.stat().st_mtime_ns

    home.prepare(Settings(home=tmp_path))
    assert file.stat().st_mtime_ns == written

    file.write_text("telemetry: {enabled: true}\n")
    home.prepare(Settings(home=tmp_path))
    assert file.read_text() == stated


def test_what_a_run_was_told_is_remembered_without_ports_and_defaults(tmp_path: Path) -> None:
    home.remember(Settings(home=tmp_path, conversion_event="purchase", host="0.0.0.0", dagster_port=3999))

    assert (tmp_path / "settings.env").read_text() == 'TACTFUL_CONVERSION_EVENT="purchase"\n'


def test_secrets_reach_processes_and_no_file(tmp_path: Path, gcp: Settings) -> None:
    home.remember(gcp)
    told = home.environment(gcp)

    assert told["TACTFUL_POSTGRES_URL"] == "postgresql://user:hush@127.0.0.1:1/tactful"
    assert "hush" in told["DAGSTER_POSTGRES_URL"]
    assert "hush" not in (gcp.home / "settings.env").read_text()
    assert 'TACTFUL_PROFILE="gcp"' in (gcp.home / "settings.env").read_text()


def test_the_key_of_pseudonyms_reaches_processes_and_no_file(tmp_path: Path) -> None:
    settings = Settings(home=tmp_path, pseudonym_key="0123456789abcdef" * 2)
    home.remember(settings)

    assert home.environment(settings)["TACTFUL_PSEUDONYM_KEY"] == "0123456789abcdef" * 2
    assert (tmp_path / "settings.env").read_text() == ""
    assert "0123456789abcdef" * 2 not in repr(settings)


def test_a_home_on_bigquery_is_not_given_to_another_export(gcp: Settings) -> None:
    (gcp.home / "source.json").write_text('{"export": "simulated"}')

    with pytest.raises(HomeError, match="belongs to the export simulated: set TACTFUL_HOME to another folder"):
        home.adopt(gcp, source_of(gcp))


def test_a_postgres_that_does_not_answer_is_told_without_its_password(gcp: Settings) -> None:
    with pytest.raises(SettingsError, match="TACTFUL_POSTGRES_URL can't be used: connection to server") as refused:
        home.prepare(gcp)

    assert "hush" not in str(refused.value)


def test_every_process_is_told_to_keep_to_itself(tmp_path: Path) -> None:
    told = home.environment(Settings(home=tmp_path))

    assert told["DO_NOT_TRACK"] == told["MLFLOW_DISABLE_TELEMETRY"] == "true"


def test_c08_every_process_is_told_where_runs_are_kept(tmp_path: Path) -> None:
    told = home.environment(Settings(home=tmp_path))

    assert told["DAGSTER_HOME"] == str(tmp_path / "dagster")


def test_a_home_without_a_run_is_told_what_comes_first(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="`make run` comes first"):
        home.require_run(Settings(home=tmp_path))
