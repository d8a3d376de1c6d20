"""One question to the running decision service."""

from collections.abc import Mapping
from typing import Any

import httpx

from tactful.settings import Settings
from tactful.ui import LOOPBACK


class AskError(RuntimeError):
    """The service gave no answer; the message says why."""


def ask(settings: Settings, request: Mapping[str, Any]) -> dict[str, Any]:
    """The service's answer to a decision request, asked with the home's own key."""
    key_file = settings.home / "decisions" / "local.key"
    if not key_file.is_file():
        raise AskError(f"{key_file} is missing: `make run`, then `make ui`, make it.")
    try:
        response = httpx.post(
            f"http://{LOOPBACK}:{settings.decision_port}/v1/decide",
            json=request,
            headers={"Authorization": f"Bearer {key_file.read_text().strip()}"},
        )
    except httpx.TransportError:
        raise AskError(
            f"No decision service answers on port {settings.decision_port}: `make ui` or `tactful serve` starts it."
        ) from None
    answer: dict[str, Any] = response.json()
    if response.is_error:
        raise AskError(f"The service refused: {answer['detail']}")
    return answer
