"""What browsers take from the service: the script that a shop's pages hold, and a shop in which to see it at work."""

from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import Route
from starlette.staticfiles import StaticFiles

STATIC = Path(__file__).parent / "static"
SCRIPT = "/tactful.js"
DEMO = "/demo"
DEMO_CLIENT = "demo"

_FRESH_FOR_AN_HOUR = {"cache-control": "public, max-age=3600", "x-content-type-options": "nosniff"}
_DEMO_HEADERS = {
    # the page holds a key that ends with the process
    "cache-control": "no-store",
    "content-security-policy": "default-src 'none'; connect-src 'self'; script-src 'self' 'unsafe-inline'; "
    "style-src 'unsafe-inline'; img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; "
    # texts become text, or the browser refuses them
    "require-trusted-types-for 'script'",
}
_files = StaticFiles(directory=STATIC)


def routes(demo_key: str | None = None) -> list[Route]:
    """The script's route; with a key, which its page holds, the demonstration shop's too."""
    shop = [] if demo_key is None else [Route(DEMO, _shop(demo_key))]
    return [Route(SCRIPT, _script), *shop]


def paths() -> dict[str, Any]:
    """What the OpenAPI document says of the script."""
    script = {"description": "The script.", "content": {"text/javascript": {"schema": {"type": "string"}}}}
    unchanged = {"description": "The script is the one whose ETag If-None-Match names."}
    return {
        SCRIPT: {"get": {"summary": "What a shop's pages hold", "responses": {"200": script, "304": unchanged}}},
    }


async def _script(request: Request) -> Response:
    response = await _files.get_response(SCRIPT.lstrip("/"), request.scope)
    response.headers.update(_FRESH_FOR_AN_HOUR)
    return response


def _shop(key: str) -> Callable[[Request], Awaitable[Response]]:
    page = (STATIC / "shop.html").read_text().replace("KEY_OF_THIS_PAGE", key)

    async def shop(_: Request) -> Response:
        return HTMLResponse(page, headers=_DEMO_HEADERS)

    return shop
