"""The decision service: its parts put together, and what goes wrong in any of them put into words."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, closing, nullcontext
from functools import partial
from http import HTTPStatus
from typing import Any

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import Response

from ga4_export.privacy import Privacy
from serving import browser, health
from serving.access import Access, Origins
from serving.audit import AuditLog, AuditUnavailableError
from serving.champions import Champions
from serving.client_rules import ClientRules
from serving.decision_api import DecisionApi
from serving.decisions import Decider
from serving.erasures import Erasures
from serving.exchange import ShortWay
from serving.following import Followed
from serving.forgetting import ErasureApi
from serving.front import Front, Way
from serving.hot_users import HotUsers
from serving.keys import Keyring, KeyScope
from serving.live import Live
from serving.metrics import Metrics
from serving.patience import FeaturesInTime
from serving.problems import RefusedError, not_answered, unaudited, unforeseen
from serving.rewards import RewardApi, Rewards
from serving.session_exits import SessionExits
from serving.session_scores import SessionScores
from serving.sessions import SessionApi
from serving.tracing import Tracing
from serving.traffic import Traffic
from serving.witness import Witness, Witnessing


def create_app(  # noqa: PLR0913  the parts of the service
    champions: Champions,
    online: FeaturesInTime,
    audit: AuditLog,
    keyring: Keyring | Access,
    *,
    privacy: Privacy | None = None,
    traffic: Traffic | None = None,
    live: Live | None = None,
    demo_key: str | None = None,
    tracing: Tracing | None = None,
    features_kept: float = 0.0,
) -> Starlette:
    """The decision service; its parts open when it starts. Users are known by the ids that `privacy` stores.

    A keyring alone stays as it is; clients with it have set nothing. With a `demo_key` there is a demonstration shop
    too, whose page holds that key. `features_kept` is for how many seconds features of a user are, once looked up.
    """
    access = keyring if isinstance(keyring, Access) else Access(Followed(lambda: keyring))
    privacy, traffic, live = privacy or Privacy(), traffic or Traffic.by(access.clients), live or Live()
    metrics, rules = Metrics(), ClientRules(audit, access.clients)
    lookups = HotUsers(online, features_kept, metrics.feature_cache()) if features_kept else online
    decider, exits = Decider(champions, lookups, audit, traffic, rules), SessionExits(audit, live.clock, traffic, rules)
    if tracing is not None:
        tracing.watch(decider, exits, online, audit)
    metrics.time(online, "read", "look_up")
    metrics.time(audit, "append", "put_on_record")
    ping = partial(health.ping, champions, online, audit, live.sessions)
    api = DecisionApi(metrics.counted(decider.decide), audit, access, privacy, ping)
    scores = SessionScores(champions, lookups, rules, live.clock, traffic)
    leave = metrics.counted(exits.decide)
    sessions = SessionApi(live, scores, leave, access, privacy.stored_id)
    rewards = RewardApi(Rewards(audit, live.clock), partial(access.admit, needed=KeyScope.FEEDBACK))
    erasures = ErasureApi(
        Erasures(audit, live.clock), lookups, live, partial(access.admit, needed=KeyScope.ERASE), privacy.stored_id
    )
    metrics.gauge("feature_store_left_alone", "1 while the feature store isn't asked.", lambda: online.is_left_alone)
    metrics.gauge("waiting", "Requests that wait to be decided.", lambda: api.gatherer.waiting)
    ways = api.ways()

    def way_at(path: str) -> Way | None:
        return ways.get(path) or sessions.events.way_at(path)

    witness = Witness(metrics)

    @asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        with tracing or nullcontext(), audit, champions, online, access, closing(decider), api, closing(rewards):
            # The first look opens the feature store: no visitor should have to wait for that, and no deadline holds it.
            health.ping(champions, online.store, audit, live.sessions)
            async with sessions:
                yield

    service = Starlette(
        routes=[
            *sessions.routes(),
            *rewards.routes(),
            *erasures.routes(),
            *api.routes(),
            *metrics.routes(),
            *browser.routes(demo_key),
        ],
        middleware=[
            Middleware(Witnessing, witness, way_at),
            Middleware(Origins, access.clients),
            Middleware(Front, way_at),
        ],
        lifespan=lifespan,
        exception_handlers=_HANDLERS,
    )
    # one address for each thing
    service.router.redirect_slashes = False
    service.state.end_streams = live.listeners.end
    service.state.short_way = ShortWay(way_at, witness)
    return service


async def _refuse(_: Request, refused: RefusedError) -> Response:
    return refused.response()


async def _refuse_route(request: Request, error: HTTPException) -> Response:
    return not_answered(HTTPStatus(error.status_code), request.method).response(error.headers)


async def _refuse_unaudited(_: Request, __: AuditUnavailableError) -> Response:
    return unaudited().response()


async def _refuse_unforeseen(_: Request, __: Exception) -> Response:
    return unforeseen().response()


# Starlette types a handler as one of any exception; each of these takes its own.
_HANDLERS: Mapping[Any, Any] = {
    RefusedError: _refuse,
    HTTPException: _refuse_route,
    AuditUnavailableError: _refuse_unaudited,
    Exception: _refuse_unforeseen,
}
