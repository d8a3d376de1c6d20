"""Users for whom the decision service was asked to erase them, erased together."""

from dataclasses import dataclass

from rich.console import Console

from ga4_export.listing import ExportError
from tactful import claims, home
from tactful.claims import Claim
from tactful.counted import counted
from tactful.erase import Receipt, Wishes, asked, erase_users, refuse, tell
from tactful.home import HomeError
from tactful.settings import Settings


@dataclass(frozen=True)
class Outcome:
    """Whether those for whom it was asked were erased as a run began, and that in words."""

    is_done: bool
    told: str


def erase_asked(settings: Settings, console: Console) -> Receipt | None:
    """Remove all users for whom the decision service was asked to; None where it wasn't.

    Raises:
        SettingsError, HomeError, ExportError: as `erase` does; nothing counts as done.
    """
    refuse(settings)
    with home.running(settings), claims.claimed(settings.home, Claim("tactful erase"), console.print, patience=0):
        wishes = asked(settings)
        if not wishes:
            console.print("Nobody is to be erased: all that the decision service was asked is done.")
            return None
        receipt, file = erase_users(settings, _users(wishes))
    tell(receipt, file, console)
    return receipt


def begin_with(settings: Settings) -> Outcome | None:
    """What `erase_asked` does as a run begins, in a home that is the run's already; None where nobody asked.

    What can't be done now leaves the run alone, and is tried again by the next one.
    """
    try:
        wishes = asked(settings)
        users = counted(len(_users(wishes)), "user")
        if not wishes:
            return None
        if settings.profile == "gcp":
            told = "with the profile gcp that is done by hand, as docs/privacy.md says"
            return Outcome(False, f"Still to be erased: {users}; {told}.")
        _, file = erase_users(settings, _users(wishes))
    except (HomeError, ExportError) as error:
        return Outcome(False, f"Users who are to be erased are not, for now: {error}")
    return Outcome(True, f"Erased: {users} for whom that was asked; the receipt is {file}.")


def _users(wishes: Wishes) -> set[str]:
    return {wish.user_pseudo_id for to_do in wishes.values() for wish in to_do}
