"""Who asks: the client whose key a request shows."""

from datetime import UTC, datetime
from http import HTTPStatus

from starlette.datastructures import QueryParams
from starlette.types import Scope

from serving import keys
from serving.keys import Keyring
from serving.problems import NO_KEY, RefusedError


def client_of(scope: Scope, keyring: Keyring) -> str:
    """The client of an ASGI request, by its header `authorization`.

    Raises:
        RefusedError: there is no good key (401), or one stands in the address (400).
    """
    query = scope["query_string"]
    if query and any(value.startswith(keys.PREFIX) for value in QueryParams(query).values()):
        raise RefusedError(HTTPStatus.BAD_REQUEST, "E_KEY_IN_QUERY", "A key stands in the address, where logs keep it.")
    header = next((value for name, value in scope["headers"] if name == b"authorization"), b"")
    scheme, _, token = header.decode("latin-1").partition(" ")
    client = keyring.client_of(token, datetime.now(UTC)) if scheme.lower() == "bearer" else None
    if client is None:
        raise RefusedError(HTTPStatus.UNAUTHORIZED, NO_KEY, "A good key is needed, as `Authorization: Bearer tac_...`.")
    return client
