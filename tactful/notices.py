"""What those who run the platform are told by mail, Slack, webhooks, whatever Apprise speaks to."""

import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from tactful.settings import Settings, variable

if TYPE_CHECKING:
    from apprise import Apprise, NotifyBase

Urgency = Literal["info", "warning", "failure"]


class NoticeError(RuntimeError):
    """A notice did not reach everybody; the message says how many it missed and never to whom it went.

    `reached` are the places that it did reach.
    """

    def __init__(self, message: str, reached: int = 0) -> None:
        super().__init__(message)
        self.reached = reached


@dataclass(frozen=True)
class Notice:
    """What is told: a line that says all, and more beneath it."""

    title: str
    body: str
    urgency: Urgency = "failure"


def champion_moved(model: str, before: str | None, now: str | None, reason: str, urgency: Urgency) -> Notice:
    """A model's champion is another version; None stands for no champion."""
    was, is_now = (f"version {version}" if version else "none" for version in (before, now))
    told = f"The champion of {model} was {was} and is {is_now}"
    return Notice(told, f"{told}: {reason}", urgency)


def places(settings: Settings) -> int:
    """To how many places notices go.

    Raises:
        NoticeError: Apprise can't read one of the URLs.
    """
    return len(_opened(settings)) if settings.notify else 0


def send(settings: Settings, notice: Notice) -> bool:
    """Tell those whom `TACTFUL_NOTIFY` names; false where it names nobody.

    Raises:
        NoticeError: one of them was not reached, or its URL can't be read.
    """
    if settings.notify is None:
        return False
    opened = _opened(settings)
    missed = [place for place in opened if not _reaches(place, notice)]
    if missed:
        told = f"{len(missed)} of the {len(opened)} places of {variable('notify')} could not be told."
        raise NoticeError(told, reached=len(opened) - len(missed))
    return True


def _reaches(place: "NotifyBase", notice: Notice) -> bool:
    from apprise import Apprise, NotifyFormat

    # each by itself, so that those who were missed can be counted
    alone = Apprise()
    alone.add(place)
    return bool(alone.notify(notice.body, notice.title, notify_type=notice.urgency, body_format=NotifyFormat.TEXT))


def _opened(settings: Settings) -> "Apprise":
    from apprise import Apprise

    # those who send tell whole addresses in their logs, and those hold passwords
    for name in ("apprise", "urllib3", "urllib3.connectionpool"):
        logging.getLogger(name).setLevel(logging.CRITICAL + 1)
    opened = Apprise()
    if settings.notify and not opened.add(settings.notify.get_secret_value()):
        raise NoticeError(f"{variable('notify')} holds a URL that Apprise can't read; its pages list the forms.")
    return opened
