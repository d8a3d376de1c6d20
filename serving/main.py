"""Where the decision service meets its settings, its files and its port."""

import os
import socket
import sys
import time
from collections.abc import Mapping
from contextlib import ExitStack
from datetime import UTC, datetime
from errno import EADDRINUSE
from functools import partial
from pathlib import Path
from typing import Any

import anyio
import httpx
from starlette.applications import Starlette

from feature_repo.store import open_store
from ga4_export.privacy import Privacy
from serving import browser, keys, server
from serving.access import Access
from serving.app import create_app
from serving.audit import AuditLog
from serving.champions import Champions
from serving.client_store import ClientStore
from serving.clients import ClientsError
from serving.features import FeastFeatures
from serving.following import Followed
from serving.keys import Key, Keyring, KeysError
from serving.limits import RateLimits
from serving.live import Live
from serving.patience import FeaturesInTime
from serving.requests import MODELS
from serving.session_file import SessionFile
from serving.session_policies import PolicyName
from serving.session_redis import SessionsInRedis
from serving.session_stores import Sessions, SessionsInMemory
from serving.tracing import Tracing, of_environment
from serving.traffic import Traffic
from tactful import home
from tactful.landing import privacy_of
from tactful.settings import Settings, SettingsError, load
from tactful.stores import clients_url, decision_record, tracking_uri


def app() -> Starlette:
    """The service of the environment's settings, for `uvicorn serving.main:app --factory`."""
    settings = load()
    held = ExitStack()
    held.enter_context(home.watched(settings))
    service = create_app_from_settings(settings, tracing=of_environment(os.environ))
    # the home is this service's for as long as it lives
    service.state.held = held
    return service


def create_app_from_settings(
    settings: Settings,
    privacy: Privacy | None = None,
    features_deadline: float | None = None,
    tracing: Tracing | None = None,
) -> Starlette:
    """The service over what lies in the settings' home, where the first start puts a key for this machine.

    `privacy` says how requests name users, and `features_deadline` how many seconds a look-up of features may take,
    where that is otherwise than the settings have it.
    """
    deadline = settings.features_deadline_ms / 1000 if features_deadline is None else features_deadline
    folder = settings.home / "decisions"
    key_file = folder / "keys.json"
    keys.ensure_local(key_file, folder / "local.key", datetime.now(UTC))
    demo, demo_key = _demo() if settings.demo_shop else (None, None)
    access = _access(settings, key_file, demo)
    return create_app(
        Champions(tracking_uri(settings), MODELS, folder / "bundles", engine=settings.scoring),
        FeaturesInTime(FeastFeatures(partial(open_store, settings), patience=deadline), deadline),
        AuditLog(decision_record(settings)),
        access,
        privacy=privacy or privacy_of(settings),
        traffic=Traffic.by(access.clients, settings.shadow_share),
        live=_live(settings, access),
        demo_key=demo_key,
        tracing=tracing,
        features_kept=settings.features_kept_ms / 1000,
    )


def _demo() -> tuple[Key, str]:
    """The key of the demonstration shop and its token; no file holds it, and it ends with the process."""
    return keys.made(browser.DEMO_CLIENT, datetime.now(UTC), scopes=keys.IN_PAGES)


def _access(settings: Settings, key_file: Path, demo: Key | None) -> Access:
    """Who may ask; services of the profile gcp count together how often."""
    redis_url = settings.redis_url.get_secret_value() if settings.redis_url else None
    beside = () if demo is None else (demo,)

    def keyring() -> Keyring:
        return Keyring((*Keyring.read(key_file).keys, *beside))

    clients = ClientStore(clients_url(settings)).read
    return Access(Followed(keyring), Followed(clients), RateLimits(redis_url))


def _live(settings: Settings, access: Access) -> Live:
    """Live sessions in Redis where the platform has one, otherwise in this process and a file."""
    idle = 60.0 * settings.session_minutes
    sessions: Sessions
    if settings.profile == "gcp" and settings.redis_url is not None:
        sessions = SessionsInRedis(settings.redis_url.get_secret_value(), idle)
    else:
        sessions = SessionsInMemory(
            SessionFile(settings.home / "decisions" / "sessions.sqlite"), settings.sessions_at_most, idle
        )

    def policy_of(client: str) -> PolicyName:
        return access.clients.value.of(client).session_policy or settings.session_policy

    return Live(sessions, policy_of)


def serve(settings: Settings) -> None:
    """Answer on the settings' host until interrupted; meanwhile no other export gets the home.

    Raises:
        SettingsError: the port is in use, or the home can't be written; one line says what would be right.
        HomeError: the home is being given to another export now.
    """
    with ExitStack() as held:
        try:
            held.enter_context(home.watched(settings))
            service = create_app_from_settings(settings, tracing=of_environment(os.environ))
        except (KeysError, ClientsError, OSError) as error:
            raise SettingsError(f"The decision service can't start in {settings.home}: {error}") from None
        listening = held.enter_context(_listening(settings))
        server.run(service, listening, settings.decision_connections)
    # libraries tell of themselves as the interpreter ends, in lines that belong to no log
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stderr.fileno())


def _listening(settings: Settings) -> socket.socket:
    try:
        return socket.create_server((settings.host, settings.decision_port))
    except OSError as error:
        why, port = os.strerror(error.errno or EADDRINUSE), settings.decision_port
        raise SettingsError(f"Port {port} can't be used ({why}): set TACTFUL_DECISION_PORT to a free one.") from None


def ask_once(settings: Settings, request: Mapping[str, Any]) -> tuple[dict[str, Any], float]:
    """The answer of a service started for this one request, and the seconds that the answer took.

    The request names its user by the id under which rows are stored.

    Raises:
        RuntimeError: the service refused the request; the message is the refusal's.
    """
    # nobody waits in front of a page for this one
    service = create_app_from_settings(settings, Privacy(), features_deadline=5.0)
    key = (settings.home / "decisions" / "local.key").read_text()

    async def ask() -> tuple[httpx.Response, float]:
        transport, headers = httpx.ASGITransport(service), {"authorization": f"Bearer {key}"}
        async with (
            service.router.lifespan_context(service),
            httpx.AsyncClient(transport=transport, base_url="http://local", headers=headers) as client,
        ):
            begun = time.perf_counter()
            return await client.post("/v1/decide", json=request), time.perf_counter() - begun

    response, seconds = anyio.run(ask)
    answer = response.json()
    if response.is_error:
        raise RuntimeError(f"The decision service refused the request: {answer['detail']}")
    return answer, seconds
