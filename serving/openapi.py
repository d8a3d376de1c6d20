"""The OpenAPI document of the service, from the very types that decode requests and encode answers."""

from typing import Any

import msgspec

from serving.decisions import Decision
from serving.problems import ProblemDetail
from serving.requests import BATCH_LIMIT, DecideRequest

PROBLEM = "application/problem+json"
_REFUSALS = {
    400: "The body is not JSON, or a key stands in the address.",
    401: "The key is missing, unknown or expired.",
    404: "This client has no such decision.",
    413: "The body is too large, or lists too many requests.",
    422: "A field breaks a rule.",
    503: "The service can't answer now.",
}


def document() -> dict[str, Any]:
    """The service's description, in OpenAPI 3.1."""
    _, components = msgspec.json.schema_components(
        (DecideRequest, Decision, ProblemDetail), ref_template="#/components/schemas/{name}"
    )
    return {
        "openapi": "3.1.0",
        "info": {"title": "Tactful decisions", "version": "1"},
        "components": {
            "schemas": components,
            "securitySchemes": {"key": {"type": "http", "scheme": "bearer"}},
        },
        "paths": {
            "/v1/decide": {"post": _decide()},
            "/v1/decide:batch": {"post": _decide_batch()},
            "/v1/decisions/{decision_id}": {"get": _decision()},
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
        "security": [{"key": []}],
        "requestBody": {
            "required": True,
            "content": {"application/json": {"schema": _reference("DecideRequest")}},
        },
        "responses": {"200": _decided(), **_refused(400, 401, 413, 422, 503)},
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
        "security": [{"key": []}],
        "requestBody": {"required": True, "content": {"application/json": {"schema": requests}}},
        "responses": {"200": answered, **_refused(400, 401, 413, 422, 503)},
    }


def _decision() -> dict[str, Any]:
    return {
        "summary": "A decision of this client's, as it was answered",
        "security": [{"key": []}],
        "parameters": [{"name": "decision_id", "in": "path", "required": True, "schema": {"type": "string"}}],
        "responses": {"200": _decided(), **_refused(400, 401, 404, 503)},
    }


def _decided() -> dict[str, Any]:
    return {
        "description": "The decision.",
        "content": {"application/json": {"schema": _reference("Decision")}},
    }


def _refused(*statuses: int) -> dict[str, Any]:
    content = {PROBLEM: {"schema": _reference("ProblemDetail")}}
    return {str(status): {"description": _REFUSALS[status], "content": content} for status in statuses}


def _reference(name: str) -> dict[str, str]:
    return {"$ref": f"#/components/schemas/{name}"}
