"""One question to the running decision service."""

from collections.abc import Mapping
from typing import Any, Self

import httpx

from tactful.settings import Settings
from tactful.ui import LOOPBACK


class AskError(RuntimeError):
    """The service gave no answer; the message says why."""

    @classmethod
    def no_answer(cls, settings: Settings) -> Self:
        """What is said where nothing listens."""
        return cls(
            f"No decision service answers on port {settings.decision_port}: `make ui` or `tactful serve` starts it."
        )

    @classmethod
    def stranger(cls, settings: Settings) -> Self:
        """What is said where something else listens."""
        return cls(
            f"What answers on port {settings.decision_port} is no decision service: set TACTFUL_DECISION_PORT to the "
            "port of one."
        )


_ALIVE = {"status": "alive"}


def address(settings: Settings) -> str:
    """Where decisions are asked for."""
    return f"http://{LOOPBACK}:{settings.decision_port}/v1/decide"


def headers(settings: Settings) -> Mapping[str, str]:
    """What a request must carry: the home's own key.

    Raises:
        AskError: the home has none yet.
    """
    key_file = settings.home / "decisions" / "local.key"
    if not key_file.is_file():
        raise AskError(f"{key_file} is missing: `make run`, then `make ui`, make it.")
    return {"Authorization": f"Bearer {key_file.read_text().strip()}"}


def ask(settings: Settings, request: Mapping[str, Any]) -> dict[str, Any]:
    """The service's answer to a decision request, asked with the home's own key.

    Raises:
        AskError: no service answers, or it refuses.
    """
    try:
        # no stranger on the port is handed the key
        if _stated(httpx.get(f"http://{LOOPBACK}:{settings.decision_port}/healthz")) != _ALIVE:
            raise AskError.stranger(settings)
        response = httpx.post(address(settings), json=request, headers=headers(settings))
    except httpx.TransportError:
        raise AskError.no_answer(settings) from None
    return answer_of(response)


def answer_of(response: httpx.Response) -> dict[str, Any]:
    """What the service answered.

    Raises:
        AskError: it refuses, or answers what is no JSON object.
    """
    answer = _stated(response)
    if not isinstance(answer, dict):
        raise AskError(f"The service answered {response.status_code} with what is no JSON object.")
    if response.is_error:
        # "$" is the request as a whole
        at = f" {field}" if (field := answer.get("field")) not in (None, "$") else ""
        raise AskError(f"The service refused{at}: {answer.get('detail', response.status_code)}")
    return answer


def _stated(response: httpx.Response) -> Any:
    try:
        return response.json()
    except ValueError:
        return None
