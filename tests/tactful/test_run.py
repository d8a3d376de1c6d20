from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from tactful.run import NOT_LANDED, NOT_TRAINED, _exit_code
from tactful.settings import TRUTH_MARK
from tests.conftest import tactful

TRAINED = {"popup_behaviour": {"status": "champion", "reason": ""}}
NOT = {"popup_behaviour": {"status": "not_trained", "reason": "3 positive rows; at least 50 are needed."}}


@pytest.mark.parametrize(
    ("models", "rows", "code", "told"),
    [
        (TRAINED, {"days_refused": []}, 0, ""),
        (TRAINED, {}, 0, ""),
        (NOT, {"days_refused": []}, NOT_TRAINED, "Not trained: 3 positive rows"),
        (TRAINED, {"days_refused": ["Day 2026-01-06 is missing"]}, NOT_LANDED, "Left out: Day 2026-01-06 is missing"),
        (NOT, {"days_refused": ["Day 2026-01-06 is missing"]}, NOT_LANDED, "Not trained: 3 positive rows"),
    ],
)
def test_what_a_run_could_not_do_is_told_and_ends_in_a_code_of_its_own(
    models: dict[str, Any], rows: dict[str, Any], code: int, told: str
) -> None:
    console = Console(record=True, width=120)

    assert _exit_code({"models": models, "rows": rows}, console) == code
    assert told in console.export_text()


def test_a_folder_of_truth_is_no_export_and_nothing_is_remembered(tmp_path: Path) -> None:
    (tmp_path / "truth").mkdir()
    (tmp_path / "truth" / TRUTH_MARK).touch()

    told = tactful("run", "--export", str(tmp_path / "truth"), home=tmp_path / "home")

    assert told.returncode == 2
    assert "holds the truth of a simulated shop" in told.stderr
    assert len(told.stderr.strip().splitlines()) == 1
    assert not (tmp_path / "home").exists()
