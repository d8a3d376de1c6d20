"""The dbt project compiled for BigQuery, with no account and no network."""

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from graphlib import TopologicalSorter
from pathlib import Path
from typing import Any

from tactful.dbt import DBT_PROJECT

PROFILE = """
tactful:
  target: bigquery
  outputs:
    bigquery: {type: bigquery, method: oauth-secrets, token: offline, project: project, dataset: tactful, threads: 2}
"""
MODELS = tuple(sorted(file.stem for file in (DBT_PROJECT / "models").rglob("*.sql") if file.parent.name != "base"))
"""The models that are tables; what lies in `base` is inlined into them."""


@dataclass(frozen=True)
class Model:
    """A model as it is sent to BigQuery; `day` is its partition column, null where it is built whole."""

    sql: str
    columns: tuple[tuple[str, str], ...]
    day: str | None
    config: Mapping[str, Any]

    @property
    def as_contracted(self) -> str:
        """The query with its columns in the contract's order, as dbt makes the table."""
        return f"select {', '.join(name for name, _ in self.columns)} from (\n{self.sql}\n)"


def compile_models(folder: Path, variables: str) -> dict[str, Model]:
    """Each model by name, those that a model reads before it; `variables` are dbt's, as JSON."""
    _compile(folder, variables)
    nodes = json.loads((folder / "manifest.json").read_text())["nodes"]
    models = {key: node for key, node in nodes.items() if node["resource_type"] == "model"}
    order = TopologicalSorter({key: node["depends_on"]["nodes"] for key, node in models.items()}).static_order()
    return {
        node["name"]: Model(
            sql=node["compiled_code"],
            columns=tuple((column["name"], column["data_type"]) for column in node["columns"].values()),
            day=node["config"]["meta"].get("day"),
            config=node["config"],
        )
        for node in (models[key] for key in order if key in models)
        if node["config"]["materialized"] != "ephemeral"
    }


def compile_inline(folder: Path, variables: str, jinja: str) -> str:
    """The SQL that `jinja` gives in the project."""
    return _compile(folder, variables, "--quiet", "--inline", jinja)


def _compile(folder: Path, variables: str, *arguments: str) -> str:
    """What dbt prints; all it writes goes to `folder`, and a second call there need not read the project again."""
    (folder / "profiles.yml").write_text(PROFILE)
    command: list[str | Path] = [
        Path(sys.executable).with_name("dbt"),
        *("compile", "--no-populate-cache", "--no-introspect", *arguments),
        *("--project-dir", DBT_PROJECT, "--profiles-dir", folder, "--target-path", folder, "--log-path", folder),
        *("--vars", variables),
    ]
    outcome = subprocess.run(
        command,
        env={**os.environ, "DO_NOT_TRACK": "true"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert outcome.returncode == 0, outcome.stdout + outcome.stderr
    return outcome.stdout
