"""The days of a run, which Dagster keeps as tags."""

from collections.abc import Mapping
from datetime import date

from tactful.claims import Days

PARTITION = "dagster/partition"
RANGE_START = "dagster/asset_partition_range_start"
RANGE_END = "dagster/asset_partition_range_end"


def days_stated(tags: Mapping[str, str]) -> Days | None:
    """The days that a run's tags name."""
    first, last = (tags.get(end) or tags.get(PARTITION) for end in (RANGE_START, RANGE_END))
    return Days(date.fromisoformat(first), date.fromisoformat(last)) if first and last else None
