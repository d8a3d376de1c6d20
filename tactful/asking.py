"""Who asks for what is put on record with a name."""

import getpass

from tactful.settings import SettingsError


def asked_by(name: str | None) -> str:
    """`name`; without one, that of this system's user.

    Raises:
        SettingsError: the system has no name for its user, as in some containers.
    """
    try:
        return name or getpass.getuser()
    except (KeyError, OSError):
        raise SettingsError("This system has no name for its user: say by --by who asks.") from None
