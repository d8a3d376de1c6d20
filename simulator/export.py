"""Day files of the simulated shop, as BigQuery exports them."""

from collections.abc import Callable, Iterator
from concurrent.futures import Executor, Future, ProcessPoolExecutor, ThreadPoolExecutor
from datetime import date
from functools import cache
from multiprocessing import get_context
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from ga4_export.schema import EVENTS, SIMULATED
from simulator.clock import midnights
from simulator.events import events_of
from simulator.faults import copies, days_late, malform
from simulator.population import Population, Stream, generator
from simulator.records import table
from simulator.shop import Shop
from simulator.strangers import bots_on, pings_on
from simulator.visits import Visits

_ROW_GROUP = 131_072
_AT_ONCE = 2

_LARGE = 400_000
"""Sessions from which on processes of their own, which take seconds to start, are worth it."""


def write(
    folder: Path, world: Shop, on_day: Callable[[date], None] | None = None, until: date | None = None
) -> tuple[Path, ...]:
    """Writes the file of each of the world's days, in order; `on_day` hears of every file that is there.

    What GA4 has not delivered `until` a day is left out: later days, and the late rows of those before.
    """
    folder.mkdir(parents=True, exist_ok=True)
    days = tuple(day for day in world.calendar if until is None or day <= until)
    files = []
    for day, file in zip(days, _written(folder, world, days, until), strict=True):
        files.append(file)
        if on_day:
            on_day(day)
    return tuple(files)


def day_table(population: Population, day: date, until: date | None = None) -> pa.Table:
    """The rows of a day that are delivered `until` another, or all; they depend on the shop and the day alone."""
    return _rows(population.shop, population.visits_on(day), day, until)


def _written(folder: Path, shop: Shop, days: tuple[date, ...], until: date | None) -> Iterator[Path]:
    """The days' files, in order; while some are made and written, the visits of the next day are drawn."""
    files = list[Future[Path]]()
    with _pool(shop) as pool:
        population = Population(shop, pool)
        for day in days:
            visits = population.visits_on(day)
            # one day more waits, so that no worker does
            if len(files) > _AT_ONCE:
                yield files.pop(0).result()
            files.append(pool.submit(_write_day, folder, shop, visits, day, until))
        yield from (file.result() for file in files)


def _pool(shop: Shop) -> Executor:
    # threads would wait for each other: half of the work is Python's and numpy's
    if shop.days * shop.sessions_per_day < _LARGE:
        return ThreadPoolExecutor(_AT_ONCE)
    return ProcessPoolExecutor(_AT_ONCE, get_context("spawn"))


def _rows(shop: Shop, visits: Visits, day: date, until: date | None) -> pa.Table:
    def stream(of: Stream) -> np.random.Generator:
        return generator(shop, of, day.toordinal())

    pings, bots = pings_on(stream(Stream.COOKIELESS), shop, day), bots_on(stream(Stream.BOTS), shop, day)
    visits = Visits.join([visits, pings, bots])
    events = events_of(visits)
    begins, ends = midnights(shop.time_zone, day.toordinal(), 2)
    today = np.flatnonzero((begins <= events.at_us) & (events.at_us < ends))
    copied = np.repeat(today, copies(stream(Stream.DUPLICATES), shop.faults, len(today)))
    rows = malform(stream(Stream.MALFORMED), shop.faults, table(day, visits, events.take(copied)))
    if until is None or not shop.faults.late:
        return rows
    return rows.filter(pa.array(days_late(stream(Stream.LATE), shop.faults, len(rows)) <= (until - day).days))


@cache
def _texts() -> list[str]:
    """The export's columns of text by their paths in Parquet; a dictionary of numbers costs more than it saves."""
    sink = pa.BufferOutputStream()
    pq.write_table(EVENTS.empty_table(), sink)
    columns = pq.ParquetFile(pa.BufferReader(sink.getvalue())).schema
    return [column.path for column in columns if column.physical_type == "BYTE_ARRAY"]


def _write_day(folder: Path, shop: Shop, visits: Visits, day: date, until: date | None) -> Path:
    file = folder / f"events_{day:%Y%m%d}.parquet"
    unfinished = file.with_suffix(".tmp")
    pq.write_table(
        _rows(shop, visits, day, until).replace_schema_metadata({SIMULATED: "true"}),
        unfinished,
        compression="zstd",
        write_statistics=False,
        row_group_size=_ROW_GROUP,
        use_dictionary=_texts(),
    )
    unfinished.replace(file)
    return file
