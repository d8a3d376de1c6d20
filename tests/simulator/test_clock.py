"""The shop's calendar."""

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from simulator.changes import Season, Shift
from simulator.clock import DAY, HOUR, SECOND, wall_clock

WARSAW = "Europe/Warsaw"


@given(st.lists(st.datetimes(datetime(2024, 1, 1), datetime(2027, 1, 1)), max_size=9))
def test_a_wall_clock_tells_the_day_of_its_zone(instants: list[datetime]) -> None:
    at_us = np.array([int(instant.replace(tzinfo=UTC).timestamp()) * SECOND for instant in instants], dtype=np.int64)
    told = wall_clock(WARSAW, at_us) // DAY
    days = [datetime.fromtimestamp(at // SECOND, ZoneInfo(WARSAW)).date().toordinal() for at in at_us.tolist()]
    assert (told + datetime(1970, 1, 1).toordinal()).tolist() == days


def test_a_season_begins_and_ends_at_the_shop_s_midnight() -> None:
    season = Season("peak", (3, 1), (3, 5), Shift())
    begins, ends = (int(datetime(2026, 3, day, tzinfo=ZoneInfo(WARSAW)).timestamp()) * SECOND for day in (1, 6))
    instants = np.array([begins - HOUR, begins, ends - HOUR, ends])
    assert season.level(wall_clock(WARSAW, instants)).tolist() == [0, 1, 1, 0]
