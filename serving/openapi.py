"""The OpenAPI document of the service, from the very types that decode requests and encode answers."""

from inspect import cleandoc
from typing import Any

import msgspec

from serving import browser, metrics, session_paths
from serving.answers import Decision
from serving.forgetting import ErasureTaken
from serving.keys import KeyScope
from serving.problems import ProblemDetail
from serving.requests import BATCH_LIMIT, LONGEST_ID, DecideRequest
from serving.rewards import Reward, RewardTaken

PROBLEM = "application/problem+json"
_REFUSALS = {
    400: "The body is not JSON, or a key stands in the address.",
    401: "The key is missing, unknown, expired or revoked.",
    403: "The key isn't good for this, or not for the page that asks.",
    404: "This client has no such decision, campaign or live session.",
    408: "The request did not come within five seconds.",
    409: "It contradicts what was said before, under the same Idempotency-Key or of the same thing.",
    413: "The body is too large, or lists too many requests or events.",
    415: "The body says it is no JSON.",
    429: "The client has asked too often; Retry-After says when to come back.",
    422: "A field breaks a rule.",
    503: "The service can't answer now.",
}
_KEY = (
    "A client's key in the header `Authorization: Bearer tac_...`; `tactful keys issue` prints one. It has to have the "
    "scope that the operation names."
)
_ASKING = (400, 401, 403, 408, 413, 415, 422, 429, 503)
_IDEMPOTENCY_KEY = {
    "name": "Idempotency-Key",
    "in": "header",
    "description": "Under one key there is one decision, however often it is asked for.",
    "schema": {"type": "string", "pattern": "^[ -~]{1,255}$"},
}


def document() -> dict[str, Any]:
    """The service's description, in OpenAPI 3.1."""
    _, schemas = msgspec.json.schema_components(
        (DecideRequest, Decision, ProblemDetail, *session_paths.TYPES, Reward, RewardTaken, ErasureTaken),
        ref_template="#/components/schemas/{name}",
    )
    return {
        "openapi": "3.1.0",
        "info": {"title": "Tactful decisions", "version": "1"},
        "components": {
            "schemas": {name: _clean(schema) for name, schema in schemas.items()},
            "securitySchemes": {"key": {"type": "http", "scheme": "bearer", "description": _KEY}},
        },
        "paths": {
            "/v1/decide": {"post": _decide()},
            "/v1/decide:batch": {"post": _decide_batch()},
            "/v1/decisions/{decision_id}": {"get": _decision()},
            "/v1/decisions/{decision_id}/reward": {"post": _reward()},
            "/v1/users/{user_pseudo_id}": {"delete": _user()},
            **session_paths.paths(_reference, _refused, needed(KeyScope.LIVE), _ASKING),
            **browser.paths(),
            **metrics.paths(),
            "/healthz": {"get": {"summary": "Is the process alive?", "responses": {"200": {"description": "Yes."}}}},
            "/readyz": {
                "get": {
                    "summary": "Can it decide?",
                    "responses": {"200": {"description": "Yes."}, **_refused(503)},
                }
            },
        },
    }


def _decide() -> dict[str, Any]:
    return {
        "summary": "Whether to interrupt this visitor now",
        "security": needed(KeyScope.DECIDE),
        "requestBody": {
            "required": True,
            "content": {"application/json": {"schema": _reference("DecideRequest")}},
        },
        "parameters": [_IDEMPOTENCY_KEY],
        "responses": {"200": _decided(), **_refused(*_ASKING, 404, 409)},
    }


def _decide_batch() -> dict[str, Any]:
    requests = {"type": "array", "items": _reference("DecideRequest"), "minItems": 1, "maxItems": BATCH_LIMIT}
    either = {"anyOf": [_reference("Decision"), _reference("ProblemDetail")]}
    answered = {
        "description": "For each request, in their order, its decision or why that one is refused.",
        "content": {"application/json": {"schema": {"type": "array", "items": either}}},
    }
    return {
        "summary": "The same for many visitors at once",
        "security": needed(KeyScope.DECIDE),
        "requestBody": {"required": True, "content": {"application/json": {"schema": requests}}},
        "responses": {"200": answered, **_refused(*_ASKING)},
    }


def _decision() -> dict[str, Any]:
    return {
        "summary": "A decision of this client's, as it was answered",
        "security": needed(KeyScope.READ),
        "parameters": [_named("decision_id", "Of its answer.")],
        "responses": {"200": _decided(), **_refused(400, 401, 403, 404, 429, 503)},
    }


def _reward() -> dict[str, Any]:
    taken = {"application/json": {"schema": _reference("RewardTaken")}}
    return {
        **_decision(),
        "summary": "What became of a decision; the same told again is the same",
        "security": needed(KeyScope.FEEDBACK),
        "requestBody": {"required": True, "content": {"application/json": {"schema": _reference("Reward")}}},
        "responses": {
            "200": {"description": "It is on record.", "content": taken},
            **_refused(*_ASKING, 404, 409),
        },
    }


def _user() -> dict[str, Any]:
    taken = {"application/json": {"schema": _reference("ErasureTaken")}}
    bounds = {"minLength": 1, "maxLength": LONGEST_ID}
    return {
        "summary": "Forget a visitor: at once what would be used from now on, and the rest with the next run",
        "security": needed(KeyScope.ERASE),
        "parameters": [_named("user_pseudo_id", "GA4's device id.", **bounds)],
        "responses": {
            "202": {"description": "The wish is on record; asked again, it is the same.", "content": taken},
            **_refused(400, 401, 403, 422, 429, 503),
        },
    }


def _decided() -> dict[str, Any]:
    return {
        "description": "The decision.",
        "content": {"application/json": {"schema": _reference("Decision")}},
    }


def _refused(*statuses: int) -> dict[str, Any]:
    content = {PROBLEM: {"schema": _reference("ProblemDetail")}}
    return {str(status): {"description": _REFUSALS[status], "content": content} for status in statuses}


def _named(name: str, description: str, **bounds: int) -> dict[str, Any]:
    schema = {"type": "string", **bounds}
    return {"name": name, "in": "path", "required": True, "description": description, "schema": schema}


def needed(scope: KeyScope) -> list[dict[str, list[str]]]:
    """What an operation says of the key that it asks for; the scope stands where OpenAPI 3.1 has a role's name."""
    return [{"key": [scope.value]}]


def _clean(schema: dict[str, Any]) -> dict[str, Any]:
    """`schema` without the indentation of the docstring that describes it."""
    return {**schema, "description": cleandoc(schema["description"])}


def _reference(name: str) -> dict[str, str]:
    return {"$ref": f"#/components/schemas/{name}"}
