from io import StringIO

import pytest
from mlflow import MlflowClient
from rich.console import Console

from ml.registry import Registry
from tactful import models
from tactful.settings import Settings
from tactful.stores import tracking_uri

# MLflow warns of a type hint of its own when it is imported
pytestmark = pytest.mark.filterwarnings("ignore:.*Any type hint is inferred")


@pytest.fixture(scope="module")
def shown(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """The lines that are printed of a model whose champion was retired and of one with two versions, by their start."""
    settings = Settings(home=tmp_path_factory.mktemp("home"))
    Registry.of(settings).ensure()
    (settings.home / "source.json").write_text("{}")
    client = MlflowClient(tracking_uri(settings), tracking_uri(settings))
    for model, day, *aliases in (
        ("retired", "2026-01-20", "last_champion"),
        ("segments", "2026-01-20"),
        ("segments", "2026-01-27", "champion", "last_champion", "autumn"),
    ):
        if not client.search_registered_models(f"name = '{model}'"):
            client.create_registered_model(model)
        tags = {"trained_from": day, "trained_to": day, "bundle_digest": "c0ffee" * 10}
        version = str(client.create_model_version(model, settings.home.as_uri(), tags=tags).version)
        for alias in aliases:
            client.set_registered_model_alias(model, alias, version)
    told = StringIO()
    models.show_versions(settings, Console(file=told, width=200))
    lines = [line.split() for line in told.getvalue().splitlines()]
    return {" ".join(words[:2]): " ".join(words[2:]) for words in lines}


def test_the_champion_is_named_among_versions_the_newest_first(shown: dict[str, str]) -> None:
    assert list(shown) == ["model version", "retired 1", "segments 2", "segments 1"]
    assert "champion 20" in shown["segments 2"]
    assert shown["segments 2"].endswith("UTC 2026-01-27 to 2026-01-27 c0ffeec0ffee")


def test_a_version_that_is_champion_no_more_is_named_nothing(shown: dict[str, str]) -> None:
    assert shown["retired 1"].startswith("20")
    assert shown["segments 1"].startswith("20")


def test_an_alias_that_people_gave_is_shown_too(shown: dict[str, str]) -> None:
    assert shown["segments 2"].startswith("autumn, champion 20")
