"""Export files of a few literal rows."""

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from ga4_export.landing import Landing
from ga4_export.schema import EVENTS

DAY = date(2026, 1, 5)
NOON = 1_767_614_400_000_000
NOW = datetime(2026, 2, 1, tzinfo=UTC)


def event(**overrides: Any) -> dict[str, Any]:
    """A row that fits DAY."""
    return {
        "event_date": "20260105",
        "event_timestamp": NOON,
        "event_name": "page_view",
        "user_pseudo_id": "1.1",
        "event_params": [{"key": "ga_session_id", "value": {"int_value": 1}}],
        **overrides,
    }


@pytest.fixture
def write(tmp_path: Path) -> Callable[..., Path]:
    """Writes rows as an export file of DAY."""

    def write_file(*rows: dict[str, Any], name: str = "events_20260105.parquet", schema: pa.Schema = EVENTS) -> Path:
        folder = tmp_path / "export"
        folder.mkdir(exist_ok=True)
        pq.write_table(pa.Table.from_pylist(list(rows), schema=schema), folder / name)
        return folder / name

    return write_file


@pytest.fixture
def landing(tmp_path: Path) -> Landing:
    return Landing(tmp_path / "landed", ZoneInfo("Europe/Warsaw"), timedelta(hours=6))
