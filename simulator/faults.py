"""What goes wrong between a shop's pages and its export."""

from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from simulator.columns import Flags, Ints

LATEST_DAYS = 3
"""GA4 delivers what is late within three days."""


@dataclass(frozen=True)
class Faults:
    """How much of it there is.

    `duplicates`, `malformed` and `late` are shares of rows; of bots' visits and page loads without consent, there are
    `bots` and `denied` for each session.
    """

    duplicates: float = 0.007
    malformed: float = 0.0
    late: float = 0.0
    bots: float = 0.0
    denied: float = 0.155


def copies(rng: np.random.Generator, faults: Faults, size: int) -> Ints:
    """How many times each row is delivered."""
    return 1 + (rng.random(size) < faults.duplicates)


def days_late(rng: np.random.Generator, faults: Faults, size: int) -> Ints:
    """How many days after its day each row is delivered, 0 for most."""
    late = rng.random(size) < faults.late
    return np.where(late, rng.integers(1, LATEST_DAYS + 1, size), 0)


def malform(rng: np.random.Generator, faults: Faults, rows: pa.Table) -> pa.Table:
    """The rows, some of them such that nobody can read them: a blank user or name, or milliseconds."""
    if not faults.malformed:
        return rows
    fault = np.where(rng.random(len(rows)) < faults.malformed, rng.integers(1, 4, len(rows)), 0)
    milliseconds = pc.divide(rows["event_timestamp"], 1000)
    rows = _replaced(rows, "user_pseudo_id", fault == 1, pa.scalar("  "))
    rows = _replaced(rows, "event_name", fault == 2, pa.scalar(""))
    return _replaced(rows, "event_timestamp", fault == 3, milliseconds)


def _replaced(rows: pa.Table, name: str, where: Flags, value: pa.Scalar | pa.ChunkedArray) -> pa.Table:
    place = rows.schema.get_field_index(name)
    return rows.set_column(place, rows.schema.field(name), pc.if_else(pa.array(where), value, rows[name]))
