"""Days, as Dagster partitions."""

from collections.abc import Sequence
from datetime import date, timedelta

import dagster as dg

from orchestration.resources import SETTINGS, SOURCE
from orchestration.run_days import RANGE_END, RANGE_START, days_stated
from tactful.claims import Days

DAILY = dg.DailyPartitionsDefinition(
    start_date=SOURCE.first.isoformat(),
    end_date=(SOURCE.last + timedelta(days=1)).isoformat(),
    timezone=SETTINGS.time_zone,
)
IN_ONE_RUN = dg.BackfillPolicy.single_run()
_REBUILD = "tactful/rebuild"


def days_of(context: dg.AssetExecutionContext | dg.AssetCheckExecutionContext) -> Sequence[date]:
    """The days of a run, in order; a run that names none, such as one of a check alone, is about all of them."""
    return list(days_stated(context.run.tags) or Days(SOURCE.first, SOURCE.last))


def is_rebuild(context: dg.AssetExecutionContext) -> bool:
    """True for a run that starts tables and their history afresh, since code or settings have changed."""
    return context.run.tags.get(_REBUILD) == "true"


def range_tags(first: date, last: date, rebuild: bool = False) -> dict[str, str]:
    """The run tags that ask for the days from `first` to `last`, both included, in one run."""
    return {
        _REBUILD: str(rebuild).lower(),
        RANGE_START: first.isoformat(),
        RANGE_END: last.isoformat(),
    }
