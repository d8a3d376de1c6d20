"""Where a run's events come from: a user's export, or the simulator's shop."""

from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path

from ga4_export.listing import list_days
from tactful.settings import Settings


@dataclass(frozen=True)
class Source:
    """A folder of daily export files, and its first and last day."""

    folder: Path
    first: date
    last: date
    is_simulated: bool


def source_of(settings: Settings) -> Source:
    """The source that the settings name.

    Raises:
        ExportError: the export folder is missing, or holds no day.
    """
    if settings.export is not None:
        days = list_days(settings.export)
        return Source(settings.export, min(days), max(days), is_simulated=False)
    first = settings.simulation_first_day
    last = first + timedelta(days=settings.simulation_days - 1)
    return Source(settings.home / "simulated_export", first, last, is_simulated=True)
