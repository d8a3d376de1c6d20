from collections.abc import Iterator
from datetime import date
from pathlib import Path

import duckdb
import pytest

from simulator import export
from simulator.shop import Shop


@pytest.fixture(scope="session")
def shop() -> Shop:
    """A small world whose fourth day is an hour short."""
    return Shop(seed=11, first_day=date(2026, 3, 26), days=5, sessions_per_day=900, time_zone="Europe/Warsaw")


@pytest.fixture(scope="session")
def folder(shop: Shop, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("shop")
    export.write(folder, shop)
    return folder


@pytest.fixture(scope="session")
def rows(folder: Path) -> Iterator[duckdb.DuckDBPyConnection]:
    """The world's rows as the table `rows`, its parameters of interest beside them, duplicates included."""
    connection = duckdb.connect()
    connection.execute(
        """
        create table rows as
        select *,
            [p.value for p in event_params if p.key = 'ga_session_id'][1].int_value as session_id,
            [p.value for p in event_params if p.key = 'ga_session_number'][1].int_value as session_number,
            [p.value for p in event_params if p.key = 'session_engaged'][1] as session_engaged,
            [p.value for p in event_params if p.key = 'decision_id'][1].string_value as decision_id,
            [p.value for p in event_params if p.key = 'policy'][1].string_value as policy,
            [p.value for p in event_params if p.key = 'propensity'][1].double_value as propensity
        from read_parquet($files)
        """,
        {"files": str(folder / "*.parquet")},
    )
    yield connection
    connection.close()
