"""What is known of the source while it can't be looked at."""

from datetime import datetime, timedelta

from ga4_export.listing import ExportError
from tactful.landing import landing_of
from tactful.settings import Settings
from tactful.source import Source, source_of


def known_source(settings: Settings) -> Source:
    """The source; one that can't be looked at has the days that are stated or were landed of it, else yesterday."""
    try:
        return source_of(settings)
    except ExportError as unreadable:
        days = landing_of(settings).landed_days() or (datetime.now(settings.zone).date() - timedelta(days=1),)
        ends = settings.first_day or min(days), settings.last_day or max(days)
        is_on_bigquery = settings.profile == "gcp"
        return Source(
            place=f"{settings.gcp_project}.{settings.export_dataset}" if is_on_bigquery else str(settings.export),
            first=min(ends),
            last=max(ends),
            kind="bigquery" if is_on_bigquery else "files",
            trouble=str(unreadable),
        )
