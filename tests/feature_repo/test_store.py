"""The store as it is opened in a process of its own."""

import subprocess
import sys
from pathlib import Path

from tactful.home import environment
from tactful.settings import Settings
from tests.conftest import PROJECT

OPEN = """
import sys
from feature_repo.store import open_store
from tactful.settings import load

open_store(load())
print("sqlglotrs" in sys.modules)
"""


def test_opening_the_store_says_nothing_of_packages_of_others(manifest: Path, tmp_path: Path) -> None:
    opened = subprocess.run(
        [sys.executable, "-c", OPEN],
        env=environment(Settings(home=tmp_path)),
        cwd=PROJECT,
        capture_output=True,
        text=True,
        check=False,
    )

    assert (opened.stdout, opened.stderr) == ("True\n", "")
