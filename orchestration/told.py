"""What has been told already, kept in Dagster's store: a schedule has no cursor, and a tick that fails keeps none."""

import dagster as dg

from tactful.notices import Notice, NoticeError, send
from tactful.settings import Settings

_KEY = "tactful/told/"


def tell_once(instance: dg.DagsterInstance, settings: Settings, about: str, occasion: str, notice: Notice) -> None:
    """Send a notice, unless this `occasion` was the last that was told of about the same.

    It is noted before it is sent: who is reached is not to be told again because somebody else was not.

    Raises:
        NoticeError: somebody was not reached; where nobody was, the occasion counts as untold.
    """
    before = last_told(instance, about)
    if before == occasion:
        return
    note(instance, about, occasion)
    try:
        send(settings, notice)
    except NoticeError as missed:
        if not missed.reached:
            note(instance, about, before or "")
        raise


def last_told(instance: dg.DagsterInstance, about: str) -> str | None:
    """The last occasion that was told of or noted; None before the first."""
    return instance.daemon_cursor_storage.get_cursor_values({_KEY + about}).get(_KEY + about) or None


def note(instance: dg.DagsterInstance, about: str, occasion: str) -> None:
    """Note an occasion as told of."""
    instance.daemon_cursor_storage.set_cursor_values({_KEY + about: occasion})
