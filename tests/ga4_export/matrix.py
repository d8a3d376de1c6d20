"""The rows of docs/bad_exports.md: each names the test that holds it, as `pytest -k G17` finds it."""

from collections.abc import Callable, Iterable
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from ga4_export.landing import Landing
from tests.ga4_export.conftest import DAY, NOON, event

Row = dict[str, Any]


def row(*ids: str) -> Callable[..., Any]:
    """Runs a test under the id of each row of the matrix that it holds."""
    return pytest.mark.parametrize("row", ids)


def good(count: int) -> Iterable[Row]:
    """Rows that fit DAY, each an event of its own; few enough broken ones beside 2,000 refuse no file."""
    return [event(event_timestamp=NOON + 1 + number) for number in range(count)]


def events_of(day: date, write: Callable[..., Path], count: int) -> Path:
    """An export file of `day` with `count` events."""
    moved = (day - DAY).days * 86_400_000_000
    rows = [event(event_date=f"{day:%Y%m%d}", event_timestamp=NOON + moved + n) for n in range(count)]
    return write(*rows, name=f"events_{day:%Y%m%d}.parquet")


def landed_rows(landing: Landing) -> list[Row]:
    """What is landed of DAY."""
    return list(pq.ParquetFile(landing.events(DAY)).read().to_pylist())


def quarantined(landing: Landing) -> list[Row]:
    """What is in quarantine of DAY."""
    return list(pq.ParquetFile(landing.quarantine(DAY)).read().to_pylist())


def param(key: str, **value: Any) -> Row:
    return {"key": key, "value": value}


A_DAY = timedelta(days=1)
