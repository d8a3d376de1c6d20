"""Refusals as RFC 9457 states them: a stable code, the field, and what would be right."""

from collections.abc import Mapping
from http import HTTPStatus

import msgspec
from starlette.responses import Response

NO_KEY, OVERLOADED = "E_KEY", "E_OVERLOADED"
_HEADERS = {NO_KEY: {"www-authenticate": "Bearer"}, OVERLOADED: {"retry-after": "1"}}


class ProblemDetail(msgspec.Struct, frozen=True, omit_defaults=True):
    """The body of a refusal; `detail` never holds a secret or a visitor's id."""

    title: str
    status: int
    code: str
    detail: str
    field: str | None = None
    dependencies: Mapping[str, str] | None = None


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
        self.stated = ProblemDetail(status.phrase, status.value, code, detail, field, dependencies)

    def response(self, headers: Mapping[str, str] | None = None) -> Response:
        body, headers = msgspec.json.encode(self.stated), headers or _HEADERS.get(self.stated.code)
        return Response(body, self.stated.status, headers, media_type="application/problem+json")


def invalid(field: str, detail: str) -> RefusedError:
    """A field of the request breaks a rule."""
    return RefusedError(HTTPStatus.UNPROCESSABLE_ENTITY, "E_FIELD", detail, field=field)


def not_answered(status: HTTPStatus, method: str) -> RefusedError:
    """There is nothing at an address, or nothing by that method."""
    return RefusedError(status, "E_ROUTE", f"{method} is not answered at this address; /docs lists what is.")
