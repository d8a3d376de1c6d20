"""The route by which a visitor is erased: the wish goes on record, and what would be used from now on is forgotten."""

import logging
from collections.abc import Awaitable, Callable
from http import HTTPStatus
from typing import Annotated, Literal, get_args

from msgspec import Meta, Struct
from starlette.concurrency import run_in_threadpool
from starlette.convertors import PathConvertor, register_url_convertor
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import Scope

from serving import requests
from serving.audit import AuditUnavailableError
from serving.erasures import Erasures
from serving.features import FeaturesUnavailableError, OnlineFeatures
from serving.front import as_json
from serving.live import Live
from serving.problems import unaudited
from serving.session_stores import SessionsUnavailableError

log = logging.getLogger(__name__)

Store = Literal[
    "online_store",
    "sessions",
    "landed",
    "quarantine",
    "warehouse",
    "offline_features",
    "training_sets",
    "decision_log",
    "decisions",
]
"""What may hold a visitor, by the names of the receipt of `tactful erase`."""


class _Anything(PathConvertor):
    """The rest of an address, whatever signs it has: Starlette's own `path` ends with a line."""

    regex = "(?s:.*)"


register_url_convertor("anything", _Anything())


class ErasureTaken(Struct, frozen=True):
    """A wish to erase a visitor, on record; it is the same of one whom nobody knows."""

    erasure_id: Annotated[str, Meta(description="By which the wish is known.")]
    asked_at: Annotated[int, Meta(description="When it was first asked for, in microseconds since 1970, UTC.")]
    erased: Annotated[tuple[Store, ...], Meta(description="Stores that hold the visitor no more.")]
    to_erase: Annotated[tuple[Store, ...], Meta(description="Stores that the next `tactful run` or `erase` does yet.")]


class ErasureApi:
    """The route of erasures; `client_of` says whose a request is, or refuses it.

    `stored_id` says under which id a user is stored.
    """

    def __init__(
        self,
        erasures: Erasures,
        online: OnlineFeatures,
        live: Live,
        client_of: Callable[[Scope], Awaitable[str]],
        stored_id: Callable[[str], str],
    ) -> None:
        self.erasures = erasures
        self.online = online
        self.live = live
        self.client_of = client_of
        self.stored_id = stored_id

    def routes(self) -> list[Route]:
        return [Route("/v1/users/{user_pseudo_id:anything}", self.erase, methods=["DELETE"])]

    async def erase(self, request: Request) -> Response:
        client = await self.client_of(request.scope)
        user_pseudo_id = requests.user_of(request.path_params["user_pseudo_id"])
        stored_id = self.stored_id(user_pseudo_id)
        try:
            wish = await run_in_threadpool(self.erasures.ask, client, user_pseudo_id, stored_id)
        except AuditUnavailableError:
            raise unaudited("The wish can't be put on record, and nothing was erased; ask again.") from None
        # features first: what is looked up meanwhile belongs to a session that is forgotten next
        is_done: dict[Store, bool] = {
            "online_store": await self._forget_features(stored_id),
            "sessions": await self._forget_sessions(stored_id),
        }
        erased = tuple(store for store in is_done if is_done[store])
        to_erase = tuple(store for store in get_args(Store) if store not in erased)
        taken = ErasureTaken(wish.erasure_id, wish.asked_at, erased, to_erase)
        return as_json(taken, HTTPStatus.ACCEPTED)

    async def _forget_features(self, stored_id: str) -> bool:
        try:
            await run_in_threadpool(self.online.erase, stored_id)
        except FeaturesUnavailableError as error:
            log.warning("A visitor who is to be erased still has features. %s", error)
            return False
        return True

    async def _forget_sessions(self, stored_id: str) -> bool:
        try:
            keys = await self.live.sessions.erase(stored_id)
        except SessionsUnavailableError as error:
            log.warning("A visitor who is to be erased may still have live sessions. %s", error)
            return False
        for key in keys:
            self.live.listeners.tell(key)
        return True
