"""The OpenAPI document tells what may be refused wherever it may be."""

from typing import Any

import pytest

from serving import openapi

OPERATIONS = [
    pytest.param(stated, id=f"{method} {path}")
    for path, methods in openapi.document()["paths"].items()
    for method, stated in methods.items()
    if "security" in stated
]


@pytest.mark.parametrize("stated", OPERATIONS)
def test_where_a_key_is_asked_for_and_a_body_read_all_refusals_are_described(stated: dict[str, Any]) -> None:
    of_the_key, of_the_body = {"400", "401", "403", "429", "503"}, {"408", "413", "415", "422"}
    assert of_the_key <= stated["responses"].keys()
    assert ("requestBody" in stated) == (of_the_body <= stated["responses"].keys())
