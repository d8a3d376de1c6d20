"""The models compile for BigQuery, with no account and no network."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tactful.dbt import DBT_PROJECT

PROFILE = """
tactful:
  target: bigquery
  outputs:
    bigquery: {type: bigquery, method: oauth-secrets, token: offline, project: project, dataset: tactful, threads: 2}
"""
DUCKDB_ONLY = ("list_transform", "list_position", "read_parquet", "arg_min", "make_timestamp", "strptime", "try_cast")


@pytest.fixture(scope="module")
def compiled(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """The compiled SQL of each model, by name."""
    folder = tmp_path_factory.mktemp("bigquery")
    (folder / "profiles.yml").write_text(PROFILE)
    outcome = subprocess.run(
        [
            Path(sys.executable).with_name("dbt"),
            *("compile", "--no-populate-cache", "--no-introspect"),
            *("--project-dir", DBT_PROJECT, "--profiles-dir", folder, "--target-path", folder),
        ],
        env={**os.environ, "DO_NOT_TRACK": "true"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert outcome.returncode == 0, outcome.stdout
    models = (folder / "compiled" / "tactful" / "models").rglob("*.sql")
    return {file.stem: file.read_text() for file in models}


def test_every_model_compiles(compiled: dict[str, str]) -> None:
    models = {file.stem for file in (DBT_PROJECT / "models").rglob("*.sql")}

    assert models <= set(compiled)


def test_nothing_is_left_that_duckdb_alone_knows(compiled: dict[str, str]) -> None:
    found = {(name, word) for name, sql in compiled.items() for word in DUCKDB_ONLY if word in sql}

    assert found == set()


def test_a_run_of_some_days_reads_their_tables_alone(compiled: dict[str, str]) -> None:
    assert "_table_suffix between format_date('%Y%m%d', date '2026-01-05')" in compiled["stg_ga4__events"]
