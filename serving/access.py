"""Who asks, and whether now: a key that is good for it, a page that may, and a rate that is kept."""

import json
import logging
import shlex
from datetime import UTC, datetime
from http import HTTPStatus
from typing import Self

from starlette.datastructures import Headers, QueryParams
from starlette.middleware.cors import CORSMiddleware
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from serving import keys
from serving.clients import Clients
from serving.following import Followed
from serving.front import header
from serving.keys import Keyring, KeyScope
from serving.limits import RateLimits
from serving.problems import NO_KEY, RefusedError

MOST_ORIGINS_TOLD = 100
LONGEST_ORIGIN = 300
"""An origin holds a host of up to 253 characters."""

log = logging.getLogger(__name__)


class Access:
    """The keys, settings and rates by which requests are let in, followed as they change."""

    def __init__(
        self, keyring: Followed[Keyring], clients: Followed[Clients] | None = None, rates: RateLimits | None = None
    ) -> None:
        self.keyring = keyring
        self.clients = clients or Followed(Clients)
        self.rates = rates or RateLimits()

    def __enter__(self) -> Self:
        self.keyring.__enter__()
        self.clients.__enter__()
        return self

    def __exit__(self, *_: object) -> None:
        self.clients.__exit__()
        self.keyring.__exit__()

    async def admit(self, scope: Scope, needed: KeyScope) -> str:
        """The client of an ASGI request that may ask for what `needed` names, now.

        Raises:
            RefusedError: there is no good key (401), it isn't good for this or for the page that asks (403), one stands
                in the address (400), or the client has asked too often (429).
        """
        client = self._client(scope, needed)
        limit = self.clients.value.of(client).rate_limit
        if limit is not None:
            await self.rates.charge(client, limit)
        return client

    def admitted(self, scope: Scope, needed: KeyScope) -> str | None:
        """The same of a client whose requests nobody counts; None for others. Raises what `admit` does."""
        client = self._client(scope, needed)
        return client if self.clients.value.of(client).rate_limit is None else None

    def _client(self, scope: Scope, needed: KeyScope) -> str:
        client = client_of(scope, self.keyring.value, needed)
        settings = self.clients.value.of(client)
        origin = (header(scope, b"origin") or b"").decode("latin-1")
        # where no site of the client's is named, browsers let no page read the answer anyway
        if origin in self.clients.value.origins and origin not in settings.origins:
            log.warning("security: client %s was asked for by a page of another's site", client)
            raise RefusedError(HTTPStatus.FORBIDDEN, "E_ORIGIN", "Pages of this site may not ask for this client.")
        return client

    async def charge(self, client: str, more: int) -> None:
        """Count a request that has turned out to be `more` than one.

        Raises:
            RefusedError: the client has asked too often (429).
        """
        limit = self.clients.value.of(client).rate_limit
        if limit is not None and more:
            await self.rates.charge(client, limit, more)


def client_of(scope: Scope, keyring: Keyring, needed: KeyScope) -> str:
    """The client of an ASGI request, by its header `authorization`, if its key is good for what `needed` names.

    Raises:
        RefusedError: there is no good key (401), it isn't good for this (403), or one stands in the address (400).
    """
    query = scope["query_string"]
    if query and any(keys.PREFIX in part for member in QueryParams(query).multi_items() for part in member):
        detail = (
            "A key stands in the address, where logs keep it; the header `Authorization: Bearer tac_...` is its place."
        )
        raise RefusedError(HTTPStatus.BAD_REQUEST, "E_KEY_IN_QUERY", detail)
    scheme, _, token = (header(scope, b"authorization") or b"").decode("latin-1").partition(" ")
    key = keyring.key_of(token, datetime.now(UTC)) if scheme.lower() == "bearer" else None
    if key is None:
        raise RefusedError(HTTPStatus.UNAUTHORIZED, NO_KEY, "A good key is needed, as `Authorization: Bearer tac_...`.")
    if needed not in key.scopes:
        raise RefusedError(HTTPStatus.FORBIDDEN, "E_SCOPE", f"The key lacks the scope {needed}.")
    return key.client


class Origins(CORSMiddleware):
    """Answers browsers for the pages of clients' sites, as their settings name them now."""

    def __init__(self, app: ASGIApp, clients: Followed[Clients]) -> None:
        super().__init__(
            app,
            # no page may erase anybody: whoever opens one can read its key
            allow_methods=("GET", "POST"),
            allow_headers=("authorization", "content-type", "idempotency-key", "x-request-id"),
            expose_headers=("retry-after", "x-request-id"),
        )
        self.clients = clients
        self._told: set[str] = set()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        # servers, which ask most, name no site
        if scope["type"] == "http" and header(scope, b"origin") is not None:
            await super().__call__(scope, receive, send)
        else:
            await self.app(scope, receive, send)

    def is_allowed_origin(self, origin: str) -> bool:
        return origin in self.clients.value.origins

    def preflight_response(self, request_headers: Headers) -> Response:
        # a page of the service's own, which needs no setting, is asked for without a preflight
        if not self.is_allowed_origin(origin := request_headers["origin"]):
            self._tell(origin[:LONGEST_ORIGIN])
        return super().preflight_response(request_headers)

    def _tell(self, origin: str) -> None:
        """Tell, once of each and of so many at most, which site's pages browsers keep from asking."""
        if origin in self._told or len(self._told) >= MOST_ORIGINS_TOLD:
            return
        self._told.add(origin)
        if origin == "null":
            log.warning("A page of no site, as one that was opened from a file, may not ask; serve it from a site.")
            return
        # whoever asks wrote it, and somebody may paste it into a shell
        needed = f"tactful clients set CLIENT {shlex.quote(f'origins={json.dumps([origin])}')}"
        log.warning(
            "Pages of %s may not ask, as no client's origins name it; `%s`, which replaces those it has, lets them.",
            origin,
            needed,
        )
