"""A dbt that outlives its killed run: it holds the warehouse, which DuckDB opens for one process alone."""

import time
from pathlib import Path

import duckdb

PATIENCE_SECONDS = 300.0
"""Longer than a dbt goes on whose run was killed."""


def wait_for_end(warehouse: Path) -> None:
    """Wait until nobody holds the file.

    Raises:
        duckdb.IOException: somebody does for PATIENCE_SECONDS, or the file is damaged.
    """
    deadline = time.monotonic() + PATIENCE_SECONDS
    while warehouse.exists():
        try:
            duckdb.connect(str(warehouse), read_only=True).close()
            return
        except duckdb.IOException as held:
            if "Could not set lock" not in str(held) or time.monotonic() > deadline:
                raise
        time.sleep(0.2)
