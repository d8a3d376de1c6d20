"""Pages that people read: of one look, without a network, and never half written."""

from collections.abc import Mapping
from enum import StrEnum
from pathlib import Path
from typing import Any

_SHARED = Path(__file__).parent / "templates"


class Page(StrEnum):
    """What `tactful ui` shows."""

    DAGSTER = "dagster"
    MLFLOW = "mlflow"
    DECISIONS = "decisions"
    REPORTS = "reports"


def write_page(page: Path, template: Path, values: Mapping[str, Any]) -> None:
    """Write a page from a template, which may extend `layout.html`; its folder is made where it is missing."""
    from jinja2 import Environment, FileSystemLoader

    environment = Environment(loader=FileSystemLoader([template.parent, _SHARED]), autoescape=True)
    page.parent.mkdir(parents=True, exist_ok=True)
    replace_text(page, environment.get_template(template.name).render(values))


def replace_text(file: Path, text: str) -> None:
    """Put a text in the place of a file's, or leave the file as it is."""
    partial = file.with_suffix(".partial")
    partial.write_text(text)
    partial.replace(file)
