"""What is wrong with a version leaves the last good champion, and does nothing here."""

import shutil
import sqlite3
import subprocess
import sys
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sklearn.tree import DecisionTreeClassifier

from ml.bundle import Bundle
from ml.pipelines import PipelineBooster
from serving.champions import Champions
from tests.serving.test_champions import champions, with_threshold

AS_MLFLOW_DOES = "import sys, mlflow.pyfunc; mlflow.pyfunc.load_model(sys.argv[1])"


class OfNobodyS(DecisionTreeClassifier):  # type: ignore[misc]  # scikit-learn tells no types
    """A type that is in no list of those that are trusted."""


def _kept(followed: Champions, name: str, problem: str, caplog: pytest.LogCaptureFixture) -> None:
    """The first version stays, and one line says why the second was not taken."""
    followed.refresh()
    followed.refresh()
    good = followed.of(name)
    assert good is not None
    assert good.version == "1"
    (told,) = caplog.messages
    assert problem in told


@pytest.mark.parametrize("digest", ["", "../../etc", "f" * 64])
def test_m04_a_version_that_is_not_what_it_says_is_not_served(
    registry: Any, trained: Bundle, tmp_path: Path, digest: str, caplog: pytest.LogCaptureFixture
) -> None:
    model = f"digest-{len(digest)}"
    registry.register(trained, model)
    followed = champions(registry, model, tmp_path)
    followed.refresh()
    registry.register(with_threshold(trained, 0.25), model, digest=digest)
    followed.refresh()
    followed.refresh()
    good = followed.of(model)
    assert good is not None
    assert good.version == "1"
    assert len(caplog.messages) == 1


def test_m04_a_bundle_altered_in_the_cache_is_not_served(
    registry: Any, trained: Bundle, tmp_path: Path, name: str
) -> None:
    registry.register(trained, name)
    followed = champions(registry, name, tmp_path)
    followed.refresh()
    champion = followed.of(name)
    assert champion is not None
    model = tmp_path / champion.digest / "model.json"
    model.write_bytes(model.read_bytes().replace(b"0", b"1", 1))
    again = champions(registry, name, tmp_path)
    again.refresh()
    assert again.of(name) is None


def test_m02_an_alias_of_a_version_that_is_gone_leaves_the_last_good_champion(
    registry: Any, trained: Bundle, tmp_path: Path, name: str, caplog: pytest.LogCaptureFixture
) -> None:
    """MLflow takes the alias away with a version; this is what a hand in its database leaves."""
    registry.register(trained, name)
    followed = champions(registry, name, tmp_path)
    followed.refresh()
    registry.register(with_threshold(trained, 0.25), name)
    with closing(sqlite3.connect(registry.folder / "mlflow.db")) as database, database:
        database.execute("delete from model_versions where name = ? and version = 2", (name,))

    _kept(followed, name, "not found", caplog)


def test_m02_a_champion_whose_bundle_is_gone_is_served_from_where_it_was_fetched_to(
    registry: Any, trained: Bundle, tmp_path: Path, name: str
) -> None:
    registry.register(trained, name)
    champions(registry, name, tmp_path).refresh()
    version = registry.client.get_model_version_by_alias(name, "champion")
    shutil.rmtree(registry.folder / "artifacts" / version.run_id)

    started_again = champions(registry, name, tmp_path)
    started_again.refresh()

    assert started_again.of(name) is not None


def test_m03_a_version_that_reads_what_is_not_served_here_leaves_the_last_good_champion(
    registry: Any, trained: Bundle, tmp_path: Path, name: str, caplog: pytest.LogCaptureFixture
) -> None:
    registry.register(trained, name)
    followed = champions(registry, name, tmp_path)
    followed.refresh()
    first, *others = trained.features
    registry.register(replace(trained, features=(replace(first, entity="item"), *others)), name)

    _kept(followed, name, f"Feature {first.name} is int64 of entity 'item'", caplog)


def test_m05_what_an_mlmodel_beside_the_bundle_would_run_is_not_run(
    registry: Any, trained: Bundle, tmp_path: Path, name: str
) -> None:
    mark, bundled = tmp_path / "mark", tmp_path / "tampered"
    version = registry.register(trained, name)
    run_id = registry.client.get_model_version(name, version).run_id
    (bundled / "code").mkdir(parents=True)
    (bundled / "code" / "marking.py").write_text(f"open({str(mark)!r}, 'w').close()\ndef _load_pyfunc(path): ...\n")
    (bundled / "MLmodel").write_text("flavors: {python_function: {loader_module: marking, code: code}}\n")
    registry.client.log_artifacts(run_id, str(bundled), "bundle")

    followed = champions(registry, name, tmp_path / "cache")
    followed.refresh()

    champion = followed.of(name)
    assert champion is not None
    fetched = tmp_path / "cache" / champion.digest
    assert (fetched / "MLmodel").is_file()
    assert not mark.exists()
    subprocess.run([sys.executable, "-c", AS_MLFLOW_DOES, str(fetched)], check=False, capture_output=True)
    assert mark.exists()


def test_m07_a_version_of_types_that_are_not_trusted_leaves_the_last_good_champion(
    registry: Any, trained: Bundle, tmp_path: Path, name: str, caplog: pytest.LogCaptureFixture
) -> None:
    registry.register(trained, name)
    followed = champions(registry, name, tmp_path)
    followed.refresh()
    width = len(trained.encoding.names)
    unknown = OfNobodyS().fit(np.eye(2, width), [0, 1])
    registry.register(replace(trained, booster=PipelineBooster(unknown)), name)

    _kept(followed, name, "model.skops can't be trusted", caplog)


def test_a_registry_that_nothing_installed_reads_leaves_the_start_its_way(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """What is raised there is of none of the types that registries raise."""
    with Champions("postgresql+pg8000://127.0.0.1:1/none", ["popup_behaviour"], tmp_path) as followed:
        assert followed.of("popup_behaviour") is None
    assert caplog.messages[-1] == ("No new champion of popup_behaviour: ModuleNotFoundError: No module named 'pg8000'")
