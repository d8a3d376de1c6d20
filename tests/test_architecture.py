"""What holds of the code as a whole."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import PROJECT

PACKAGES = ("expectations", "feature_repo", "ga4_export", "ml", "orchestration", "serving", "simulator", "tactful")
MODULES = [file.relative_to(PROJECT) for package in PACKAGES for file in sorted((PROJECT / package).rglob("*.py"))]
SAYS_NOTHING = {"util", "utils", "helper", "helpers", "common", "misc", "manager"}


@pytest.mark.parametrize("command", ["lint-imports", "ruff check .", "ruff format --check ."])
def test_the_code_is_clean(command: str) -> None:
    """Who may import whom is in pyproject.toml; `make lint` looks at types too."""
    name, *arguments = command.split()
    found = subprocess.run(
        [Path(sys.executable).with_name(name), *arguments], cwd=PROJECT, capture_output=True, text=True, check=False
    )

    assert found.returncode == 0, found.stdout + found.stderr


def test_every_package_is_looked_at() -> None:
    assert sorted(folder.parent.name for folder in PROJECT.glob("*/__init__.py")) == sorted(PACKAGES)


def test_a_module_is_named_for_what_it_holds() -> None:
    assert [str(module) for module in MODULES if module.stem in SAYS_NOTHING] == []


def test_a_module_is_short() -> None:
    assert [str(module) for module in MODULES if len((PROJECT / module).read_text().splitlines()) > 250] == []
