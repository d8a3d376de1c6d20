"""Day files of the simulated shop, as BigQuery exports them."""

from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from datetime import date
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from simulator.clock import midnights
from simulator.cookieless import pings_on
from simulator.events import events_of
from simulator.population import Population, Stream, generator
from simulator.records import table
from simulator.shop import Shop
from simulator.visits import Visits

DUPLICATE_SHARE = 0.007
"""Rows that the export delivers twice."""

_ROW_GROUP = 65_536


def write(folder: Path, world: Shop, on_day: Callable[[date], None] | None = None) -> tuple[Path, ...]:
    """Writes the file of each of the world's days, in order; `on_day` hears of every file that is there."""
    folder.mkdir(parents=True, exist_ok=True)
    population = Population(world)
    files: list[Future[Path]] = []
    # A file is written while the next day is computed; no more than these two days are in memory.
    with ThreadPoolExecutor(max_workers=1) as disk:
        for day in world.calendar:
            rows = day_table(population, day)
            if files:
                files[-1].result()
            files.append(disk.submit(_write_day, folder, rows, day, on_day))
    return tuple(file.result() for file in files)


def day_table(population: Population, day: date) -> pa.Table:
    """All rows of a day; they depend on the shop and the day alone."""
    shop = population.shop
    pings = pings_on(generator(shop, Stream.COOKIELESS, day.toordinal()), shop, day)
    visits = Visits.join([population.visits_on(day), pings])
    events = events_of(visits)
    begins, ends = midnights(shop.time_zone, day.toordinal(), 2)
    today = np.flatnonzero((begins <= events.at_us) & (events.at_us < ends))
    rng = generator(shop, Stream.DUPLICATES, day.toordinal())
    copies = 1 + (rng.random(len(today)) < DUPLICATE_SHARE)
    return table(day, visits, events.take(np.repeat(today, copies)))


def _write_day(folder: Path, rows: pa.Table, day: date, on_day: Callable[[date], None] | None) -> Path:
    file = folder / f"events_{day:%Y%m%d}.parquet"
    unfinished = file.with_suffix(".tmp")
    pq.write_table(rows, unfinished, compression="zstd", write_statistics=False, row_group_size=_ROW_GROUP)
    unfinished.replace(file)
    if on_day:
        on_day(day)
    return file
