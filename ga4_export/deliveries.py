"""When a row was known: at its first delivery, however often it is delivered again."""

from datetime import datetime
from pathlib import Path

import duckdb
import pyarrow as pa

KNOWN_AT = pa.field("known_at", pa.timestamp("us", "UTC"))

_CARRIED = """
    with landed as (
        select hash(event) as digest, known_at
        from (select * exclude known_at from read_parquet($former)) as event
        positional join (select known_at from read_parquet($former))
    ),
    first_known as (select digest, min(known_at) as known_at from landed group by digest),
    delivered as (select hash(event) as digest, row_number() over () as place from events as event)
    select coalesce(first_known.known_at, $now)
    from delivered left join first_known using (digest)
    order by place
"""


def known_at(events: pa.Table, former: Path | None, now: datetime) -> pa.Array:
    """When each of `events` was known: as it stands in the `former` file of its day, or `now` where it is new."""
    if former is None:
        return pa.repeat(pa.scalar(now, KNOWN_AT.type), len(events))
    with duckdb.connect() as connection:
        connection.execute("set TimeZone = 'UTC'")
        connection.register("events", events)
        carried = connection.sql(_CARRIED, params={"former": str(former), "now": now}).to_arrow_table()
    return carried.column(0).combine_chunks().cast(KNOWN_AT.type)
