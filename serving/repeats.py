"""Requests that are told again: under one key of a client's there is one decision, however often it is asked for."""

import asyncio
import uuid
from collections.abc import Awaitable, Callable
from http import HTTPStatus

from starlette.concurrency import run_in_threadpool

from serving.answers import Decision, decision_of
from serving.audit import AuditLog
from serving.decisions import Asked
from serving.problems import RefusedError
from serving.requests import DecideRequest

_NAMESPACE = uuid.UUID("5f8f2c1e-6f0a-4b8e-9c39-3c1b7a5e2d10")
_LONGEST = 255


class Repeats:
    """Finds decisions by the key under which they were asked for; used from one event loop.

    The key gives the decision its id, so that the record of decisions is the record of keys too: nothing more is kept,
    it holds over a restart, and two rows of one key can't be.
    """

    def __init__(self, audit: AuditLog) -> None:
        self.audit = audit
        self._asking: dict[str, asyncio.Event] = {}

    async def once(
        self, client: str, key: bytes, request: DecideRequest, ask: Callable[[Asked], Awaitable[Decision]]
    ) -> Decision:
        """The decision on `request` that is on record under `key`, or the one that `ask` gives now.

        Raises:
            RefusedError: the key is none (400), or stands for another request (409).
            AuditUnavailableError: the record can't be read.
        """
        decision_id = _decision_id(client, key)
        while asking := self._asking.get(decision_id):
            await asking.wait()
        answered = self._asking[decision_id] = asyncio.Event()
        try:
            audited = await run_in_threadpool(self.audit.find, decision_id)
            if audited is None:
                return await ask(Asked(client, request, decision_id))
            if audited.request != request:
                detail = "This Idempotency-Key stands for another request; a new request needs a new key."
                raise RefusedError(HTTPStatus.CONFLICT, "E_KEY_REUSED", detail)
            return decision_of(audited)
        finally:
            del self._asking[decision_id]
            answered.set()


def _decision_id(client: str, key: bytes) -> str:
    if not key.isascii() or not key.decode("latin-1").isprintable() or not 0 < len(key) <= _LONGEST:
        detail = f"Idempotency-Key is 1 to {_LONGEST} printable signs of ASCII."
        raise RefusedError(HTTPStatus.BAD_REQUEST, "E_IDEMPOTENCY_KEY", detail)
    return str(uuid.uuid5(_NAMESPACE, f"{client} {key.decode()}"))
