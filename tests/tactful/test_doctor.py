import socket
from io import StringIO
from pathlib import Path

import pytest
from rich.console import Console

from tactful import doctor
from tactful.settings import Settings


def _examined(settings: Settings) -> tuple[int, str]:
    console = Console(file=StringIO(), record=True, width=300)
    return doctor.examine(settings, console), console.export_text()


def _line(told: str, subject: str) -> str:
    (line,) = [line for line in told.splitlines() if f" {subject} " in line]
    return " ".join(line.split())


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """A home in which a run has ended."""
    (tmp_path / "reports").mkdir()
    (tmp_path / "reports" / "summary.json").touch()
    return tmp_path


def _settings(home: Path, export: Path | None = None) -> Settings:
    """Settings whose ports are free."""
    with socket.socket() as first, socket.socket() as second, socket.socket() as third, socket.socket() as fourth:
        ports = []
        for probe in (first, second, third, fourth):
            probe.bind(("127.0.0.1", 0))
            ports.append(probe.getsockname()[1])
    names = ("dagster_port", "mlflow_port", "decision_port", "reports_port")
    return Settings(home=home, export=export, **dict(zip(names, ports, strict=True)))


def test_where_all_is_in_order_nothing_is_advised(home: Path, manifest: Path) -> None:
    code, told = _examined(_settings(home))

    assert code == 0, told
    assert "make run" not in told


def test_a_home_without_a_run_is_told_what_to_do(tmp_path: Path, manifest: Path) -> None:
    code, told = _examined(_settings(tmp_path))

    assert code == 1
    assert _line(told, "last run") == "no last run none `make run`"


def test_a_port_in_use_is_told_with_its_setting(home: Path, manifest: Path) -> None:
    settings = _settings(home)
    with socket.create_server(("127.0.0.1", settings.mlflow_port)):
        code, told = _examined(settings)

    assert code == 1
    assert "set TACTFUL_MLFLOW_PORT to a free one" in _line(told, f"port {settings.mlflow_port}")


def test_a_day_that_an_export_lacks_is_told_by_its_file(home: Path, tmp_path: Path, manifest: Path) -> None:
    export = tmp_path / "export"
    export.mkdir()
    for day in ("20260105", "20260107"):
        (export / f"events_{day}.parquet").touch()

    code, told = _examined(_settings(home, export))

    assert code == 1
    assert "add events_20260106.parquet" in _line(told, "export")


def test_all_that_gcp_needs_is_looked_for(tmp_path: Path, manifest: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("GOOGLE_APPLICATION_CREDENTIALS", raising=False)
    monkeypatch.setenv("CLOUDSDK_CONFIG", str(tmp_path))

    code, told = _examined(Settings(home=tmp_path, profile="gcp", gcp_location="EU"))

    assert code == 1
    assert _line(told, "TACTFUL_GCP_LOCATION") == "ok TACTFUL_GCP_LOCATION set"
    assert _line(told, "TACTFUL_EXPORT_DATASET").startswith("no TACTFUL_EXPORT_DATASET not set set it: the dataset")
    assert _line(told, "Google credentials").endswith("none `gcloud auth application-default login`")
    assert _line(told, "packages").startswith("ok")
    assert " Redis " not in told
    assert " Postgres " not in told


def test_servers_that_do_not_answer_are_told_without_their_secrets(gcp: Settings, manifest: Path) -> None:
    code, told = _examined(gcp)

    assert code == 1
    assert "mend TACTFUL_REDIS_URL" in _line(told, "Redis")
    assert "mend TACTFUL_POSTGRES_URL" in _line(told, "Postgres")
    assert "hush" not in told
