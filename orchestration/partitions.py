"""Days, as Dagster partitions."""

from collections.abc import Sequence
from datetime import date, timedelta

import dagster as dg

from orchestration.resources import SETTINGS, SOURCE

DAILY = dg.DailyPartitionsDefinition(
    start_date=SOURCE.first.isoformat(),
    end_date=(SOURCE.last + timedelta(days=1)).isoformat(),
    timezone=SETTINGS.time_zone,
)
IN_ONE_RUN = dg.BackfillPolicy.single_run()
_PARTITION = "dagster/partition"
_RANGE_START = "dagster/asset_partition_range_start"
_RANGE_END = "dagster/asset_partition_range_end"
REREAD = timedelta(days=3)
"""GA4 rewrites a day for up to three days after it."""


def days_of(context: dg.AssetExecutionContext | dg.AssetCheckExecutionContext) -> Sequence[date]:
    """The days of a run, in order; a run that names none, such as one of a check alone, is about all of them."""
    tags = context.run.tags
    only = tags.get(_PARTITION)
    first = date.fromisoformat(tags.get(_RANGE_START) or only or SOURCE.first.isoformat())
    last = date.fromisoformat(tags.get(_RANGE_END) or only or SOURCE.last.isoformat())
    return [first + timedelta(days=n) for n in range((last - first).days + 1)]


def range_tags(first: date, last: date) -> dict[str, str]:
    """The run tags that ask for the days from `first` to `last`, both included, in one run."""
    return {
        _RANGE_START: first.isoformat(),
        _RANGE_END: last.isoformat(),
    }
