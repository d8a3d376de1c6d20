"""Where a run's events come from: a user's export, or the simulator's shop."""

from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from typing import Literal

from ga4_export.bigquery import DayTable, list_tables, open_client
from ga4_export.files import is_simulated
from ga4_export.listing import ExportError, list_days
from tactful.settings import Settings, variable


@dataclass(frozen=True)
class Source:
    """A folder of daily export files, or a dataset of daily tables; and its first and last day.

    The platform writes its `own` export itself. Visitors of other exports may be made up too: `is_simulated` tells.
    `trouble` is why the export can't be looked at now; its days are then those that are known of it.
    """

    place: str
    first: date
    last: date
    kind: Literal["own", "files", "bigquery"]
    is_simulated: bool = False
    trouble: str = ""

    @property
    def folder(self) -> Path:
        """The folder of the files."""
        return Path(self.place)


def source_of(settings: Settings) -> Source:
    """The source that the settings name; BigQuery is asked for days that the settings leave open.

    Raises:
        ExportError: the export is missing, holds no day, or can't be looked at.
    """
    if settings.profile == "gcp":
        return _tables_of(settings)
    if settings.export is not None:
        days = list_days(settings.export)
        return Source(str(settings.export), min(days), max(days), "files", is_simulated(days))
    first = settings.simulation_first_day
    last = first + timedelta(days=settings.simulation_days - 1)
    return Source(str(settings.home / "simulated_export"), first, last, "own", is_simulated=True)


def day_tables(settings: Settings) -> dict[date, DayTable]:
    """The export's daily tables on BigQuery.

    Raises:
        BigQueryError: credentials are missing, BigQuery refuses, or there is no day.
    """
    client = open_client(str(settings.gcp_project), str(settings.gcp_location))
    return dict(list_tables(client, str(settings.export_dataset)))


def _tables_of(settings: Settings) -> Source:
    if settings.export is not None:
        raise ExportError(
            f"{variable('export')} is {settings.export}, and the profile gcp reads the export's own tables: unset it."
        )
    first, last = settings.first_day, settings.last_day
    if first is None or last is None:
        days = day_tables(settings)
        first, last = first or min(days), last or max(days)
    if last < first:
        raise ExportError(f"{variable('last_day')} {last} lies before {variable('first_day')} {first}.")
    return Source(f"{settings.gcp_project}.{settings.export_dataset}", first, last, "bigquery")
