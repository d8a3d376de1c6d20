"""The way in for what is asked most: plain ASGI, without a framework between the server and the answer."""

from collections.abc import Awaitable, Callable, Mapping
from http import HTTPStatus

from starlette.requests import ClientDisconnect
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from serving.problems import RefusedError, not_answered

Answer = Callable[[Scope, Receive], Awaitable[bytes]]
"""What gives the JSON that answers a request."""


class Front:
    """ASGI middleware: what is posted to the addresses of `answers` is answered here, all other addresses by `app`."""

    def __init__(self, app: ASGIApp, answers: Mapping[str, Answer]) -> None:
        self.app = app
        self.answers = answers

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        answer = self.answers.get(scope["path"]) if scope["type"] == "http" else None
        if answer is None:
            await self.app(scope, receive, send)
            return
        if scope["method"] != "POST":
            refused = not_answered(HTTPStatus.METHOD_NOT_ALLOWED, scope["method"])
            await refused.response({"allow": "POST"})(scope, receive, send)
            return
        try:
            body = await answer(scope, receive)
        except RefusedError as refused:
            await refused.response()(scope, receive, send)
            return
        headers = [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode())]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": body})


async def read_body(receive: Receive, limit: int, too_large: Callable[[], RefusedError]) -> bytes:
    """The body of a request; what is longer than `limit` bytes is not read to its end.

    Raises:
        RefusedError: `too_large` says so.
    """
    message = await receive()
    body: bytes = _part(message)
    while message.get("more_body", False) and len(body) <= limit:
        message = await receive()
        body += _part(message)
    if len(body) > limit:
        raise too_large()
    return body


def _part(message: Message) -> bytes:
    if message["type"] == "http.disconnect":
        raise ClientDisconnect
    part: bytes = message.get("body", b"")
    return part
