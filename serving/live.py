"""Live sessions as all their routes know them: where they are kept, how they are scored, and what one is called."""

from collections.abc import Callable
from dataclasses import dataclass, field
from http import HTTPStatus

from serving.clock import microseconds
from serving.problems import NO_SESSIONS, RefusedError, invalid
from serving.session_policies import DEFAULT
from serving.session_state import key_of
from serving.session_stores import Sessions, SessionsInMemory, SessionsUnavailableError
from serving.stream import Listeners

LONGEST_NAME = 200


@dataclass(frozen=True)
class Live:
    """How live sessions are kept, by which policy each client's are scored, who may listen, and the clock."""

    sessions: Sessions = field(default_factory=SessionsInMemory)
    policy_of: Callable[[str], str] = lambda _: DEFAULT
    listeners: Listeners = field(default_factory=Listeners)
    clock: Callable[[], int] = microseconds


def session_key(client: str, name: str) -> str:
    """The key of the session that a client calls so.

    Raises:
        RefusedError: that is no name (422).
    """
    if len(name) > LONGEST_NAME or name.isspace() or not name.isprintable():
        raise invalid("session", f"A session's name has up to {LONGEST_NAME} visible characters.")
    return key_of(client, name)


def unavailable(error: SessionsUnavailableError) -> RefusedError:
    """The refusal of what needs a session that can't be read or kept now."""
    return RefusedError(HTTPStatus.SERVICE_UNAVAILABLE, NO_SESSIONS, str(error))
