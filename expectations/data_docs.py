"""Data Docs: what came of the suites, and the contents of all reports, as pages that need no network."""

import json
from dataclasses import asdict
from datetime import datetime
from pathlib import Path

from expectations.validation import Validation
from tactful import pages

INDEX = "index.html"
_TEMPLATES = Path(__file__).parent / "templates"


def write_page(validation: Validation, folder: Path, run_at: datetime) -> Path:
    """Write the page of a suite, and the index of all suites in `folder`; returns the suite's page."""
    folder.mkdir(parents=True, exist_ok=True)
    stated = {**asdict(validation), "is_passed": validation.is_passed, "run_at": f"{run_at:%Y-%m-%d %H:%M} UTC"}
    pages.replace_text(folder / f"{validation.suite}.json", json.dumps(stated))
    page = folder / f"{validation.suite}.html"
    pages.write_page(page, _TEMPLATES / "suite.html", stated)
    suites = [json.loads(file.read_text()) for file in sorted(folder.glob("*.json"))]
    pages.write_page(folder / INDEX, _TEMPLATES / INDEX, {"suites": suites})
    return page


def write_contents(reports: Path, is_simulated: bool) -> None:
    """Write the page under which all reports of a run are found, and which says whose visitors they tell of."""
    found = [page.parent.name for page in sorted(reports.glob(f"*/{INDEX}"))]
    pages.write_page(reports / INDEX, _TEMPLATES / "reports.html", {"pages": found, "is_simulated": is_simulated})
