"""No client ever sees another's: every route that names a thing is asked for another client's."""

import re
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from starlette.routing import Route

from serving import front, openapi
from serving.access import Access
from serving.app import create_app
from serving.audit import AuditLog
from serving.champions import Champions
from serving.features import FeastFeatures
from serving.following import Followed
from serving.keys import Keyring, KeyScope
from serving.patience import FeaturesInTime
from serving.session_events import EVENTS_ADDRESS
from tests.serving.test_app import asked

OF_THE_ANSWER = re.compile(r'"(decision_id|erasure_id)":"[^"]*"|"asked_at":\d+')
WAY_MADE = re.compile(r"\bWay\((\w+),")


def operations() -> list[tuple[str, str]]:
    """Method and address of all that names a thing: what is routed and, as ways past the routes are, described."""
    nowhere = Path("nowhere")
    parts = Champions("sqlite:///nowhere", [], nowhere), FeaturesInTime(FeastFeatures(lambda: None), 1)
    service = create_app(*parts, AuditLog(nowhere), Access(Followed(lambda: Keyring(()))))
    routes = [route for route in service.routes if isinstance(route, Route)]
    routed = {(method, route.path_format) for route in routes for method in (route.methods or set()) - {"HEAD"}}
    described = {(method.upper(), path) for path, methods in openapi.document()["paths"].items() for method in methods}
    return sorted((method, path) for method, path in routed | described if _names(path))


def _names(path: str) -> list[str]:
    return re.findall(r"{(\w+)", path)


def _decision(client: Any) -> str:
    return str(client.post("/v1/decide", json=asked()).json()["decision_id"])


def _scroll() -> dict[str, Any]:
    return {"event_name": "scroll", "event_timestamp": time.time_ns() // 1000}


def _session(client: Any) -> str:
    acts = {"user_pseudo_id": "v", "events": [_scroll()] * 2}
    client.post("/v1/sessions/v.1/events", json=acts).raise_for_status()
    return "v.1"


def _user(client: Any) -> str:
    _session(client)
    return "v"


OF_ANOTHER: dict[str, Callable[[Any], str]] = {
    "decision_id": _decision,
    "session": _session,
    "user_pseudo_id": _user,
}
"""How a client comes to a thing of its own, by the name that routes give it."""

BODIES = {"reward": {"kind": "converted"}, "events": {"user_pseudo_id": "w", "events": [_scroll()]}}
"""What is posted, by the end of the address."""

ASKED = [pytest.param(method, path, id=f"{method} {path}") for method, path in operations()]


def test_everything_that_names_a_thing_is_asked() -> None:
    assert {name for _, path in operations() for name in _names(path)} == OF_ANOTHER.keys()


def test_no_way_past_the_routes_is_left_out() -> None:
    """What names a thing stands in one constant; both others are looked up by a whole path, which names none."""
    made = {made for file in Path(front.__file__).parent.glob("*.py") for made in WAY_MADE.findall(file.read_text())}
    assert made == {"EVENTS_ADDRESS", "one", "many"}
    assert ("POST", EVENTS_ADDRESS) in operations()


@pytest.mark.parametrize(("method", "path"), ASKED)
def test_a_thing_of_another_client_is_not_there(services: Any, method: str, path: str) -> None:
    # who may erase, may erase everybody, and learns of nobody by that; `shop` may not
    other = {"authorization": f"Bearer {services.token('blog', scopes=tuple(KeyScope))}"}
    client = services.start()
    own = {name: OF_ANOTHER[name](client) for name in _names(path)}
    address, of_nobody = path.format(**own), path.format(**dict.fromkeys(own, "none"))

    foreign = _told(client, method, address, other)

    assert foreign == _told(client, method, of_nobody, other)
    assert foreign != _told(client, method, address, {})


def _told(client: Any, method: str, address: str, headers: dict[str, str]) -> tuple[int, str]:
    """An answer but for its own id: who leaves a session that nobody knows of is left alone, on record."""
    body = BODIES.get(address.rpartition("/")[2])
    with client.stream(method, address, headers=headers, json=body) as answer:
        if answer.headers.get("content-type", "").startswith("text/event-stream"):
            return answer.status_code, "a stream"
        return answer.status_code, OF_THE_ANSWER.sub("", answer.read().decode())
