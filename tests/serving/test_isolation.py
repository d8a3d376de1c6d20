"""No client ever sees another's: every route that names a thing is asked for another client's."""

import re
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from starlette.routing import Route

from serving.access import Access
from serving.app import create_app
from serving.audit import AuditLog
from serving.champions import Champions
from serving.features import FeastFeatures
from serving.following import Followed
from serving.keys import Keyring
from serving.patience import FeaturesInTime
from tests.serving.test_app import asked


def routes() -> list[Route]:
    nowhere = Path("nowhere")
    parts = Champions("sqlite:///nowhere", [], nowhere), FeaturesInTime(FeastFeatures(lambda: None), 1)
    service = create_app(*parts, AuditLog(nowhere), Access(Followed(lambda: Keyring(()))))
    return [route for route in service.routes if isinstance(route, Route)]


def _decision(client: Any) -> str:
    return str(client.post("/v1/decide", json=asked()).json()["decision_id"])


def _session(client: Any) -> str:
    acts = [{"event_name": "scroll", "event_timestamp": time.time_ns() // 1000}] * 2
    client.post("/v1/sessions/v.1/events", json={"user_pseudo_id": "v", "events": acts}).raise_for_status()
    return "v.1"


OF_ANOTHER: dict[str, Callable[[Any], str]] = {"decision_id": _decision, "session": _session}
"""How a client comes to a thing of its own, by the name that routes give it."""

BODIES = {"reward": {"kind": "converted"}}
"""What is posted, by the end of the address."""

ASKED = [
    pytest.param(method, route, id=f"{method} {route.path}")
    for route in routes()
    if route.param_convertors
    for method in sorted((route.methods or set()) - {"HEAD"})
]


def test_every_route_that_names_a_thing_is_asked() -> None:
    named = {name for route in routes() for name in route.param_convertors}
    assert named == OF_ANOTHER.keys()
    assert ASKED


@pytest.mark.parametrize(("method", "route"), ASKED)
def test_a_thing_of_another_client_is_not_there(services: Any, method: str, route: Route) -> None:
    other = {"authorization": f"Bearer {services.token('blog')}"}
    client = services.start()
    own = {name: OF_ANOTHER[name](client) for name in route.param_convertors}
    address = str(route.url_path_for(route.name, **own))
    of_nobody = str(route.url_path_for(route.name, **dict.fromkeys(own, "none")))

    foreign = _told(client, method, address, other)

    assert foreign == _told(client, method, of_nobody, other)
    assert foreign != _told(client, method, address, {})


def _told(client: Any, method: str, address: str, headers: dict[str, str]) -> tuple[int, str]:
    """An answer but for its own id: who leaves a session that nobody knows of is left alone, on record."""
    body = BODIES.get(address.rpartition("/")[2])
    with client.stream(method, address, headers=headers, json=body) as answer:
        if answer.headers.get("content-type", "").startswith("text/event-stream"):
            return answer.status_code, "a stream"
        return answer.status_code, re.sub(r'"decision_id":"[^"]*"', "", answer.read().decode())
