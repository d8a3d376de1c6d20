"""What the image and compose.yaml say, held to the code; a build itself is made by hand (docs/containers.md)."""

import json
import os
import re
import socket
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest
import typer
import yaml

from serving import server
from tactful import home
from tactful.cli import app
from tactful.settings import Settings, variable
from tests import service_process
from tests.conftest import PROJECT

COMPOSE = (PROJECT / "compose.yaml").read_text()
DOCKERFILE = (PROJECT / "Dockerfile").read_text()
SERVICES: dict[str, dict[str, Any]] = yaml.safe_load(COMPOSE)["services"]
PORTS = [name for name in Settings.model_fields if name.endswith("_port")]


def _default(text: str) -> str:
    """A text of compose.yaml where none of the variables that it names is set."""
    return re.sub(r"\$\{\w+:-(\w+)\}", r"\1", text)


@pytest.mark.parametrize("service", SERVICES)
def test_a_container_s_command_is_one_that_the_command_line_takes(service: str) -> None:
    name, *arguments = SERVICES[service]["command"]

    commands: Any = typer.main.get_command(app)
    commands.commands[name].make_context(name, arguments)


def test_variables_are_settings() -> None:
    named = set(re.findall(r"TACTFUL_[A-Z_]+", COMPOSE + DOCKERFILE)) - {"TACTFUL_NAME"}

    assert named - {variable(field) for field in Settings.model_fields} == set()


def test_ports_are_those_of_the_settings_each_published_once_on_loopback() -> None:
    settings = Settings()
    defaults = {(name, int(port)) for name, port in re.findall(r"\$\{(\w+):-(\w+)\}", COMPOSE)}
    published = sorted(_default(port) for service in SERVICES.values() for port in service.get("ports", ()))
    (exposed,) = re.findall(r"^EXPOSE (.*)$", DOCKERFILE, re.MULTILINE)

    numbers = sorted(str(getattr(settings, port)) for port in PORTS)
    assert defaults == {(variable(port), getattr(settings, port)) for port in PORTS}
    assert published == [f"127.0.0.1:{number}:{number}" for number in numbers]
    assert sorted(exposed.split()) == numbers
    # a port is published from a container's own address, not from its loopback
    assert _stated_in_image(variable("host")) == "0.0.0.0"


def test_the_image_is_built_from_what_runs_and_nothing_else() -> None:
    """Docker reads .dockerignore from above: all is left out, then what has a `!` is let in again."""
    first, *others = [line for line in (PROJECT / ".dockerignore").read_text().splitlines() if not line.startswith("#")]
    let_in = {line[1:] for line in others if line.startswith("!")}
    project = tomllib.loads((PROJECT / "pyproject.toml").read_text())
    packages = project["tool"]["hatch"]["build"]["targets"]["wheel"]["packages"]

    assert first == "*"
    assert let_in == {
        *packages,
        *home._INSTANCE.values(),
        *("workspace.yaml", "dbt_project", "pyproject.toml", "requirements.lock", project["project"]["readme"]),
    }
    assert [name for name in let_in if not (PROJECT / name).exists()] == []
    assert "dbt_project/target" in others


def test_requests_in_work_have_their_time_when_a_container_is_told_to_end() -> None:
    assert int(SERVICES["decide"]["stop_grace_period"].removesuffix("s")) > server.DRAIN + 2


def test_every_container_writes_to_the_home_and_to_memory_alone() -> None:
    for name, service in SERVICES.items():
        assert service["read_only"], name
        assert service["volumes"] == [f"home:{_stated_in_image('TACTFUL_HOME')}"], name
        assert service["tmpfs"] == [_stated_in_image("HOME")], name


def test_runs_and_those_who_end_dead_ones_see_each_other_s_processes() -> None:
    """Elsewhere a run's process can't be seen, and a run that goes on would be taken for a dead one."""
    assert {name for name, service in SERVICES.items() if service.get("pid") == "host"} == {"run", "orchestration"}


def test_the_image_is_healthy_while_the_service_answers(tmp_path: Path) -> None:
    (stated,) = re.findall(r"^HEALTHCHECK .*?CMD (\[.*?\])$", DOCKERFILE.replace("\\\n", ""), re.MULTILINE)
    check = json.loads(stated)

    def code(port: int) -> int:
        environment = {**os.environ, "TACTFUL_DECISION_PORT": str(port)}
        return subprocess.run(
            [sys.executable, *check[1:]], env=environment, stderr=subprocess.DEVNULL, check=False
        ).returncode

    with service_process.running(tmp_path) as service:
        assert service.client.get("/healthz").is_success
        assert code(service.port) == 0
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))
        assert code(nobody.getsockname()[1]) == 1


def _stated_in_image(name: str) -> str:
    (value,) = re.findall(rf"\b{name}=(\S+)", DOCKERFILE)
    return str(value)
