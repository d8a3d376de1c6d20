"""What the OpenAPI document says of live sessions."""

from collections.abc import Callable, Sequence
from typing import Any

from serving.requests import SessionEvents
from serving.session_answers import EventsTaken

TYPES = (SessionEvents, EventsTaken)

_SESSION = {
    "name": "session",
    "in": "path",
    "required": True,
    "description": "The session's name, one user's alone: `user_pseudo_id` and `ga_session_id` make one.",
    "schema": {"type": "string", "maxLength": 200},
}
_STREAM = (
    "`event: flag` with a RaisedFlag whenever it changes; `event: end` when the session is decided about or forgotten. "
    "Without it, ask again: the service has stopped."
)


def paths(
    reference: Callable[[str], dict[str, str]],
    refused: Callable[..., dict[str, Any]],
    needed: Sequence[dict[str, list[str]]],
    asking: Sequence[int],
) -> dict[str, Any]:
    """The addresses of live sessions, from what refers to a schema and what describes refusals by their status.

    `needed` says what key they ask for. Whatever takes a body may be refused by each of `asking`.
    """

    def json_of(name: str) -> dict[str, Any]:
        return {"application/json": {"schema": reference(name)}}

    def described(summary: str, responses: dict[str, Any], **more: Any) -> dict[str, Any]:
        return {"summary": summary, "security": needed, "parameters": [_SESSION], "responses": responses, **more}

    taken = {"200": {"description": "They are taken.", "content": json_of("EventsTaken")}}
    decided = {"200": {"description": "The decision.", "content": json_of("Decision")}}
    streamed = {
        "200": {"description": _STREAM, "content": {"text/event-stream": {"schema": {"type": "string"}}}},
        "204": {"description": "The session has been decided about."},
    }
    return {
        "/v1/sessions/{session}/events": {
            "post": described(
                "What happened in a live session; scores it where the client's policy says so",
                {**taken, **refused(*asking, 409)},
                requestBody={"required": True, "content": json_of("SessionEvents")},
            )
        },
        "/v1/sessions/{session}/decision": {
            "get": described(
                "At a session's exit: what to do by its latest flag; the same however often it is asked",
                {**decided, **refused(400, 401, 403, 422, 429, 503)},
            )
        },
        "/v1/sessions/{session}/stream": {
            "get": described(
                "A session's flag whenever it changes, as server-sent events",
                {**streamed, **refused(400, 401, 403, 404, 422, 429, 503)},
            )
        },
    }
