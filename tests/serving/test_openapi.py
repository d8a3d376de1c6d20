"""The OpenAPI document tells who may ask for what, what is sent and answered, and what may be refused."""

from typing import Any

import pytest

from serving import openapi
from serving.keys import KeyScope
from serving.requests import MODELS

DOCUMENT = openapi.document()
SCHEMAS = DOCUMENT["components"]["schemas"]
OPERATIONS: dict[str, dict[str, Any]] = {
    f"{method} {path}": stated
    for path, methods in DOCUMENT["paths"].items()
    for method, stated in methods.items()
    if "security" in stated
}


@pytest.mark.parametrize("stated", OPERATIONS.values(), ids=list(OPERATIONS))
def test_where_a_key_is_asked_for_and_a_body_read_all_refusals_are_described(stated: dict[str, Any]) -> None:
    of_the_key, of_the_body = {"400", "401", "403", "429", "503"}, {"408", "413", "415", "422"}
    assert of_the_key <= stated["responses"].keys()
    assert ("requestBody" in stated) == (of_the_body <= stated["responses"].keys())


def test_the_scope_that_is_described_is_the_one_that_is_asked_for(services: Any) -> None:
    # keys that are issued while it runs are followed a moment later
    tokens = {
        scope: services.token(f"lacks-{scope}", scopes=tuple(other for other in KeyScope if other is not scope))
        for scope in KeyScope
    }
    client = services.start()
    for operation, stated in OPERATIONS.items():
        method, path = operation.split()
        ((scope,),) = (needed["key"] for needed in stated["security"])
        headers = {"authorization": f"Bearer {tokens[scope]}"}
        refused = client.request(method, path, json={} if "requestBody" in stated else None, headers=headers)
        assert (refused.status_code, refused.json()["detail"]) == (403, f"The key lacks the scope {scope}.")


def test_how_a_key_is_sent_is_described() -> None:
    told = DOCUMENT["components"]["securitySchemes"]["key"]
    assert (told["type"], told["scheme"]) == ("http", "bearer")
    assert "`Authorization: Bearer tac_...`" in told["description"]


@pytest.mark.parametrize("name", SCHEMAS)
def test_each_shape_and_each_of_its_fields_is_described_without_a_docstring_s_indentation(name: str) -> None:
    described = {name: SCHEMAS[name], **SCHEMAS[name].get("properties", {})}
    assert [field for field, stated in described.items() if not stated.get("description")] == []
    assert "\n " not in SCHEMAS[name]["description"]


def test_a_request_s_models_are_named() -> None:
    assert SCHEMAS["DecideRequest"]["properties"]["model"]["enum"] == MODELS
