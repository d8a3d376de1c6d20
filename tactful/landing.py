"""The landing of a home, with rows kept as the settings say."""

from datetime import timedelta

from ga4_export.landing import Landing
from ga4_export.privacy import Privacy
from tactful.settings import Settings


def landing_of(settings: Settings) -> Landing:
    """Where the home's export is landed."""
    delay = timedelta(hours=settings.export_delay_hours)
    return Landing(settings.home / "ga4_export", settings.zone, delay, privacy_of(settings))


def privacy_of(settings: Settings) -> Privacy:
    """How the settings have rows kept."""
    key = settings.pseudonym_key
    return Privacy(
        query_keys=tuple(filter(None, settings.query_keys.split(","))),
        pseudonym_key=None if key is None else key.get_secret_value(),
    )
