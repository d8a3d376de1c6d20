"""Refusals as RFC 9457 states them: a stable code, the field, and what would be right."""

from collections.abc import Iterable, Mapping, Sequence
from http import HTTPStatus
from typing import Annotated, NamedTuple

import msgspec
from msgspec import Meta
from starlette.responses import Response

NO_KEY, OVERLOADED, NO_SESSIONS = "E_KEY", "E_OVERLOADED", "E_SESSIONS_UNAVAILABLE"
_COME_BACK = {"retry-after": "1"}
_HEADERS = {NO_KEY: {"www-authenticate": "Bearer"}, OVERLOADED: _COME_BACK, NO_SESSIONS: _COME_BACK}
_STATUS_LINES = {status.value: f"HTTP/1.1 {status.value} {status.phrase}\r\n".encode() for status in HTTPStatus}

PROBLEM = "application/problem+json"


class Reply(NamedTuple):
    """An answer's status, its headers but for the length, and its body."""

    status: int
    headers: Sequence[tuple[bytes, bytes]]
    body: bytes

    def over_http(self, more: Iterable[tuple[bytes, bytes]] = ()) -> bytes:
        """All of it as HTTP/1.1 has it, with `more` headers."""
        head = b"".join([b"%b: %b\r\n" % header for header in (*more, *self.headers)])
        return _STATUS_LINES[self.status] + head + b"content-length: %d\r\n\r\n" % len(self.body) + self.body


class ProblemDetail(msgspec.Struct, frozen=True, omit_defaults=True):
    """The body of a refusal; `detail` never holds a secret or a visitor's id."""

    title: Annotated[str, Meta(description="The status in words.")]
    status: Annotated[int, Meta(description="The HTTP status.")]
    code: Annotated[str, Meta(description="What is wrong, as `E_FIELD`: it stays the same from version to version.")]
    detail: Annotated[str, Meta(description="The same for people, with what would be right.")]
    field: Annotated[str | None, Meta(description="Which field of the request it is about.")] = None
    dependencies: Annotated[
        Mapping[str, str] | None, Meta(description="What the service needs by name: `ok`, or what is wrong with it.")
    ] = None


class RefusedError(Exception):
    """A request is refused, or can't be answered now."""

    def __init__(
        self,
        status: HTTPStatus,
        code: str,
        detail: str,
        *,
        field: str | None = None,
        dependencies: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(detail)
        self.headers = _HEADERS.get(code)
        self.stated = ProblemDetail(status.phrase, status.value, code, detail, field, dependencies)

    def response(self, headers: Mapping[str, str] | None = None) -> Response:
        body, headers = msgspec.json.encode(self.stated), headers or self.headers
        return Response(body, self.stated.status, headers, media_type=PROBLEM)

    def reply(self) -> Reply:
        """The same past the framework."""
        headers = {"content-type": PROBLEM, **(self.headers or {})}
        stated = [(name.encode(), value.encode()) for name, value in headers.items()]
        return Reply(self.stated.status, stated, msgspec.json.encode(self.stated))


def invalid(field: str, detail: str) -> RefusedError:
    """A field of the request breaks a rule."""
    return RefusedError(HTTPStatus.UNPROCESSABLE_ENTITY, "E_FIELD", detail, field=field)


def not_answered(status: HTTPStatus, method: str) -> RefusedError:
    """There is nothing at an address, or nothing by that method."""
    return RefusedError(status, "E_ROUTE", f"{method} is not answered at this address; /docs lists what is.")


def unforeseen() -> RefusedError:
    """What should not happen has happened."""
    return RefusedError(HTTPStatus.INTERNAL_SERVER_ERROR, "E_INTERNAL", "The service failed; its log says why.")


def overloaded() -> RefusedError:
    """As many wait as may wait."""
    detail = "As many requests wait as may wait; try again in a second."
    return RefusedError(HTTPStatus.SERVICE_UNAVAILABLE, OVERLOADED, detail)


def unaudited(detail: str = "A decision that can't be put on record is not made; try again.") -> RefusedError:
    """What can't be put on record is not answered."""
    return RefusedError(HTTPStatus.SERVICE_UNAVAILABLE, "E_AUDIT_UNAVAILABLE", detail)
