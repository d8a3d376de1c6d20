from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from mlflow import MlflowClient

from ml.janitor import Cleaning, clean
from ml.registry import Registry
from tactful.settings import Settings

# MLflow warns of a type hint of its own when it is imported
pytestmark = pytest.mark.filterwarnings("ignore:.*Any type hint is inferred")

HOUR = timedelta(hours=1)
MODELS = ("shop",)


@pytest.fixture(scope="module")
def registry(tmp_path_factory: pytest.TempPathFactory) -> Registry:
    return Registry.of(Settings(home=tmp_path_factory.mktemp("home")))


@pytest.fixture(scope="module")
def client(registry: Registry) -> MlflowClient:
    return MlflowClient(registry.tracking_uri, registry.tracking_uri)


@pytest.fixture(scope="module")
def runs(registry: Registry, client: MlflowClient) -> Sequence[str]:
    """Runs that began one and three hours ago, and one of three hours ago that has ended."""
    experiment, now = registry.ensure(), datetime.now(UTC)
    begun = [int((now - hours * HOUR).timestamp() * 1000) for hours in (1, 3, 3)]
    runs = [str(client.create_run(experiment, start_time=start).info.run_id) for start in begun]
    client.set_terminated(runs[2])
    return runs


def test_a_run_that_goes_on_for_too_long_is_ended_with_the_reason(
    registry: Registry, client: MlflowClient, runs: Sequence[str]
) -> None:
    young, old, ended = runs

    cleaning = clean(registry, datetime.now(UTC), MODELS)

    assert cleaning == Cleaning(ended=(old,), marked=())
    assert [client.get_run(run).info.status for run in (young, old, ended)] == ["RUNNING", "KILLED", "FINISHED"]
    assert client.get_run(old).data.tags["ended_because"] == (
        "it was still running after 2:00:00, and no run of the platform takes as long"
    )
    assert clean(registry, datetime.now(UTC), MODELS) == Cleaning((), ())


def test_a_version_without_a_digest_is_marked_but_for_those_that_an_alias_points_to(
    registry: Registry, client: MlflowClient, runs: Sequence[str], tmp_path: Path
) -> None:
    client.create_registered_model("shop")
    client.create_registered_model("another_team_s")
    client.create_model_version("another_team_s", tmp_path.as_uri(), runs[2])
    whole, left, placed = (
        client.create_model_version("shop", tmp_path.as_uri(), runs[2], tags=tags)
        for tags in ({"bundle_digest": "c0ffee"}, {}, {})
    )
    client.set_registered_model_alias("shop", "champion", placed.version)
    assert clean(registry, datetime.now(UTC), MODELS).marked == ()

    assert clean(registry, datetime.now(UTC) + 3 * HOUR, MODELS).marked == (f"shop {left.version}",)

    tags = [client.get_model_version("shop", version.version).tags for version in (whole, left, placed)]
    assert tags == [{"bundle_digest": "c0ffee"}, {"orphaned": "true"}, {}]
    assert clean(registry, datetime.now(UTC) + 3 * HOUR, MODELS).marked == ()
