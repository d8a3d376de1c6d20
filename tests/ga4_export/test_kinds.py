"""GA4's tables of one date: the intraday one is landed first, and the daily one takes its place whole."""

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from ga4_export.days import land_days
from ga4_export.landing import Landing
from ga4_export.listing import list_days
from tests.ga4_export.conftest import DAY, NOON, NOW, event

Write = Callable[..., Path]
TABLES = {"intraday": "events_intraday_20260105", "fresh": "events_fresh_20260105", "daily": "events_20260105"}


def _landed_at(landing: Landing) -> list[int]:
    """The microseconds after noon of the landed events."""
    rows = pq.read_table(landing.events(DAY))["event_timestamp"].to_pylist()
    return sorted(number - NOON for number in rows)


@pytest.mark.parametrize("order", [("intraday", "daily"), ("intraday", "fresh", "daily"), ("fresh", "daily")])
def test_each_better_table_takes_the_place_of_the_one_before(
    landing: Landing, write: Write, order: tuple[str, ...]
) -> None:
    for place, kind in enumerate(order):
        # an event that all of them have, and one of its own
        file = write(event(), event(event_timestamp=NOON + 1 + place), name=f"{TABLES[kind]}.parquet")

        (landed,) = land_days(landing, list_days(file.parent), [DAY], NOW + place * timedelta(hours=1)).days

        assert (landed.kind, landed.rows_read, landed.rows_loaded) == (kind, 2, 2)
        assert [source.name for source in landed.files] == [file.name]
        assert _landed_at(landing) == [0, 1 + place]
        assert landing.landed(DAY) == landed
    assert landed.rows_gone == landed.rows_new == 1
    assert [file.name for file in landing.events(DAY).parent.iterdir()] == ["events_20260105.parquet"]


def test_a_lesser_table_that_comes_later_changes_nothing(landing: Landing, write: Write) -> None:
    for kind in ("daily", "intraday"):
        file = write(event(event_timestamp=NOON + len(kind)), name=f"{TABLES[kind]}.parquet")
        (landed,) = land_days(landing, list_days(file.parent), [DAY], NOW).days

    assert (landed.kind, landed.is_new) == ("daily", False)
    assert _landed_at(landing) == [len("daily")]
