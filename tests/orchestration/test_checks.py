from datetime import timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import dagster as dg
import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from ga4_export.landing import Landing
from ga4_export.schema import EVENTS
from tests.ga4_export.conftest import DAY, NOON, NOW, event


@pytest.fixture
def landed(tmp_path: Path) -> Path:
    """A home in which a day is landed: two events, one of them delivered twice, and a row that is no event."""
    rows = [event(), event(event_timestamp=NOON + 1), event(), event(event_name=None)]
    export = tmp_path / "events_20260105.parquet"
    pq.write_table(pa.Table.from_pylist(rows, schema=EVENTS), export)
    Landing(tmp_path / "ga4_export", ZoneInfo("UTC"), timedelta(0)).land(DAY, [export], NOW)
    return tmp_path


@pytest.mark.parametrize(("in_warehouse", "is_passed"), [(2, True), (1, False), (3, False)])
def test_an_event_that_the_warehouse_lacks_or_has_twice_is_noticed(
    landed: Path, in_warehouse: int, is_passed: bool
) -> None:
    from orchestration.checks import no_event_is_lost
    from orchestration.resources import LandingResource, WarehouseResource

    warehouse = landed / "warehouse.duckdb"
    with duckdb.connect(str(warehouse)) as connection:
        connection.execute("create schema tactful")
        connection.execute(
            "create table tactful.stg_ga4__events as select date '2026-01-05' as event_date from range(?)",
            [in_warehouse],
        )

    result = no_event_is_lost(
        landing=LandingResource(home=str(landed), time_zone="UTC", export_delay_hours=0),
        warehouse=WarehouseResource(path=str(warehouse)),
    )

    assert isinstance(result, dg.AssetCheckResult)
    counts = {name: value.value for name, value in result.metadata.items()}
    assert result.passed == is_passed
    assert counts == {
        "rows_read": 4,
        "rows_loaded": in_warehouse,
        "rows_duplicate": 1,
        "rows_quarantined": 1,
        "rows_suppressed": 0,
    }
