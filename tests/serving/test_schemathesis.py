"""The service keeps what its OpenAPI document says, asked by requests that Schemathesis makes from it."""

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

import httpx
import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
from schemathesis import GenerationMode
from schemathesis.config import SchemathesisConfig
from schemathesis.specs.openapi.checks import positive_data_acceptance

from serving import openapi
from serving.keys import KeyScope
from tests.serving.conftest import Services

if TYPE_CHECKING:
    from feast import FeatureStore

OPERATIONS = [
    pytest.param(path, method, mode, id=f"{method} {path} {mode}")
    for path, methods in openapi.document()["paths"].items()
    for method, stated in methods.items()
    for mode in GenerationMode
    # where nothing is sent, nothing wrong can be
    if mode is GenerationMode.POSITIVE or {"parameters", "requestBody"} & stated.keys()
]


# a list that is too long is refused as too large
REFUSED = ["400", "401", "403", "404", "405", "409", "413", "415", "422", "429", "5xx"]
CONFIG = SchemathesisConfig.from_dict({"checks": {"negative_data_rejection": {"expected-statuses": REFUSED}}})
API = schemathesis.openapi.from_dict(openapi.document(), config=CONFIG)


@pytest.fixture(scope="module")
def client(
    tmp_path_factory: pytest.TempPathFactory, registry: Any, open_store: "Callable[[], FeatureStore]"
) -> Iterator[httpx.Client]:
    services = Services(tmp_path_factory.mktemp("service"), registry, open_store)
    # so that what is described of erasing is asked, and not refused
    services.shop = services.token("shop", scopes=tuple(KeyScope))
    with services.running:
        yield services.start()


@pytest.mark.parametrize(("path", "method", "mode"), OPERATIONS)
def test_what_is_described_holds(client: httpx.Client, path: str, method: str, mode: GenerationMode) -> None:
    headers = {"Authorization": client.headers["authorization"]}

    @given(API[path][method.upper()].as_strategy(generation_mode=mode))
    @settings(max_examples=25, derandomize=True, deadline=None, database=None, suppress_health_check=list(HealthCheck))
    def holds(case: schemathesis.Case[Any]) -> None:
        # what the champion reads of a profile no document can say
        case.call_and_validate(str(client.base_url), headers=headers, excluded_checks=[positive_data_acceptance])

    holds()
