"""The events of live sessions: taken as they come, and scored where the client's policy says so."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from http import HTTPStatus

import msgspec
from starlette.types import Receive, Scope

from feature_repo.contract import ActivityRule
from ml.policy import Action
from serving import requests
from serving.access import Access
from serving.answers import Decision
from serving.champions import Champion
from serving.front import Begun, Way, read_body
from serving.gathering import FullError, Gatherer
from serving.keys import KeyScope
from serving.live import Live, session_key, unavailable
from serving.problems import RefusedError, invalid, overloaded
from serving.requests import SessionEvents
from serving.session_answers import EventsTaken, raised
from serving.session_policies import POLICIES, SessionPolicy
from serving.session_scores import Due, SessionScores
from serving.session_state import Flag, Moment, Session, Taken
from serving.session_stores import SessionsInMemory, SessionsUnavailableError

PLACE, EVENTS = "/v1/sessions/", "/events"
EVENTS_ADDRESS = f"{PLACE}{{session}}{EVENTS}"
MOST_FIELDS = 200
"""Of a session's profile: without a champion, none is known to be wrong."""

DecideNow = Callable[[str, str], Awaitable[Decision | None]]
"""What decides about a client's session at once, if it can."""

_encode = msgspec.json.Encoder().encode


@dataclass(frozen=True)
class _Asked:
    """What a client sent of the session under `key`, at `now`, and how it is taken and scored."""

    client: str
    key: str
    sent: SessionEvents
    now: int
    champion: Champion | None
    policy: SessionPolicy
    rules: Mapping[str, ActivityRule]

    def take(self, session: Session | None) -> tuple[Session, tuple[Taken, Flag | None]]:
        session = session or Session()
        if session.user_pseudo_id not in (None, self.sent.user_pseudo_id):
            raise RefusedError(
                HTTPStatus.CONFLICT,
                "E_OTHER_USER",
                "A live session of that name is another user's; name it by user and session, as GA4's ids are.",
                field="user_pseudo_id",
            )
        if len(session.profile.keys() | self.sent.profile.keys()) > MOST_FIELDS:
            raise invalid("profile", f"With what was told before it names more than {MOST_FIELDS} fields.")
        taken = session.take(self.sent, self.now, self.policy, self.rules)
        return session, (taken, session.flag)

    def due(self, moment: Moment) -> Due:
        return Due(self.client, self.champion, moment)


class EventsApi:
    """What takes and scores the events of live sessions; `stored_id` says under which id a user is stored."""

    def __init__(
        self, live: Live, scores: SessionScores, access: Access, stored_id: Callable[[str], str], decide_now: DecideNow
    ) -> None:
        self.live = live
        self.sessions = live.sessions
        self.version_for, self.activity_rules = scores.version_for, scores.activity_rules
        self.scores = Gatherer(scores.score)
        self.access = access
        self.stored_id = stored_id
        self.decide_now = decide_now

    def close(self) -> None:
        """Wait for what is to be scored; nothing can be scored afterwards."""
        self.scores.close()

    def way_at(self, path: str) -> Way | None:
        """What answers the events of the session that an address names; none where it names no session."""
        if not path.startswith(PLACE) or not path.endswith(EVENTS):
            return None
        name = path[len(PLACE) : -len(EVENTS)]
        if not name or "/" in name:
            return None
        return Way(EVENTS_ADDRESS, partial(self.events, name), self.is_full, partial(self._begin, name))

    def is_full(self) -> bool:
        return self.scores.is_full

    async def events(self, name: str, scope: Scope, receive: Receive) -> bytes:
        # refused before they are taken: who is told to send events again must not have them counted twice
        if self.is_full():
            raise overloaded()
        client = await self.access.admit(scope, KeyScope.LIVE)
        body = await read_body(receive, requests.BODY_LIMIT, requests.body_too_large)
        asked = self._asked(client, name, body, self._policy(client))
        try:
            taken, flag = await self.sessions.change(asked.key, asked.take)
        except SessionsUnavailableError as error:
            raise unavailable(error) from None
        scored = None if taken.moment is None else await self._score(asked.key, asked.due(taken.moment))
        acts_now = asked.policy.acts_at_once and scored is not None and scored.action is Action.SHOW
        decision = await self.decide_now(client, asked.key) if acts_now else None
        return _told(taken, flag, scored, decision)

    def _begin(self, name: str, scope: Scope, body: bytes) -> Begun | None:
        """The answer of `events`, where sessions are in memory and neither requests are counted nor flags acted on."""
        client = self.access.admitted(scope, KeyScope.LIVE)
        if client is None or not isinstance(self.sessions, SessionsInMemory):
            return None
        policy = self._policy(client)
        if policy.acts_at_once:
            return None
        asked = self._asked(client, name, body, policy)
        taken, flag = self.sessions.change_now(asked.key, asked.take)
        unscored = Begun(lambda _: _told(taken, flag, None))
        if taken.moment is None:
            return unscored
        end = partial(self._end, self.sessions, asked.key, taken, flag)
        try:
            return Begun(end, self.scores.ask([asked.due(taken.moment)]))
        except FullError:
            return unscored

    def _end(
        self, sessions: SessionsInMemory, key: str, taken: Taken, flag: Flag | None, scored: Sequence[Flag]
    ) -> bytes:
        (flagged,) = scored
        kept = sessions.change_now(key, partial(_flagged, flagged))
        self.live.listeners.tell(key)
        return _told(taken, flag, kept)

    def _asked(self, client: str, name: str, body: bytes, policy: SessionPolicy) -> _Asked:
        key, sent = session_key(client, name), self._sent(body)
        champion = self.version_for(client, sent.user_pseudo_id)
        if champion is not None:
            champion.assembler.check_profile(sent.profile)
        rules = self.activity_rules(client, champion)
        return _Asked(client, key, sent, self.live.clock(), champion, policy, rules)

    def _policy(self, client: str) -> SessionPolicy:
        return POLICIES[self.live.policy_of(client)]

    def _sent(self, body: bytes) -> SessionEvents:
        sent = requests.decode_events(body)
        stored_id = self.stored_id(sent.user_pseudo_id)
        return sent if stored_id == sent.user_pseudo_id else msgspec.structs.replace(sent, user_pseudo_id=stored_id)

    async def _score(self, key: str, due: Due) -> Flag | None:
        """The session's flag once it is scored; None where it can't be now, since its events are taken all the same."""
        try:
            (flag,) = await self.scores.ask([due])
            kept = await self.sessions.change(key, partial(_flagged, flag))
        except (FullError, SessionsUnavailableError):
            return None
        self.live.listeners.tell(key)
        return kept


def _told(taken: Taken, flag: Flag | None, scored: Flag | None, decision: Decision | None = None) -> bytes:
    latest = scored or flag
    told = raised(latest) if latest else None
    return _encode(EventsTaken(taken.events, taken.retimed, taken.acts, scored is not None, told, decision))


def _flagged(flag: Flag, session: Session | None) -> tuple[Session | None, Flag | None]:
    if session is None:
        # forgotten, or erased, while it was scored
        return None, None
    session.raise_flag(flag)
    return session, session.flag
