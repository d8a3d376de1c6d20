"""Champions follow their alias, and are never worse than the last good one."""

import shutil
import sqlite3
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest
from sklearn.tree import DecisionTreeClassifier

from ml.bundle import Bundle, Calibration
from ml.pipelines import PipelineBooster
from serving.app import create_app
from serving.champions import Champions
from serving.features import FeastFeatures
from serving.keys import Keyring
from serving.patience import FeaturesInTime
from tests.faults.locking import held
from tests.serving.conftest import listening

AS_MLFLOW_DOES = "import sys, mlflow.pyfunc; mlflow.pyfunc.load_model(sys.argv[1])"


class OfNobodyS(DecisionTreeClassifier):  # type: ignore[misc]  # scikit-learn tells no types
    """A type that is in no list of those that are trusted."""


@pytest.fixture
def name(request: pytest.FixtureRequest) -> str:
    """A model of the test's own in the shared registry."""
    return str(request.node.name)


def champions(registry: Any, name: str, cache: Path) -> Champions:
    return Champions(registry.tracking_uri, [name], cache)


def with_threshold(trained: Bundle, threshold: float) -> Bundle:
    return replace(trained, header=replace(trained.header, threshold=threshold))


def test_the_champion_changes_when_the_alias_moves(registry: Any, trained: Bundle, tmp_path: Path, name: str) -> None:
    registry.register(trained, name)
    followed = champions(registry, name, tmp_path)
    followed.refresh()
    first = followed.of(name)
    registry.register(with_threshold(trained, 0.25), name)
    followed.refresh()
    second = followed.of(name)
    assert first is not None
    assert second is not None
    assert (first.version, first.bundle.header.threshold) == ("1", 0.5)
    assert (second.version, second.bundle.header.threshold) == ("2", 0.25)
    assert {first.digest, second.digest} == {each.name for each in tmp_path.iterdir() if each.is_dir()}


def test_a_moved_alias_is_followed_without_being_asked(
    registry: Any, trained: Bundle, tmp_path: Path, name: str
) -> None:
    registry.register(trained, name)
    seen = ["1"]
    deadline = time.monotonic() + 30
    with Champions(registry.tracking_uri, [name], tmp_path, interval=0.01) as followed:
        registry.register(with_threshold(trained, 0.25), name)
        while seen[-1] == "1" and time.monotonic() < deadline:
            champion = followed.of(name)
            assert champion is not None
            seen += [champion.version] if champion.version != seen[-1] else []
    assert seen == ["1", "2"]


def test_a_threshold_set_by_the_business_is_followed_and_a_wrong_one_is_not(
    registry: Any, trained: Bundle, tmp_path: Path, name: str
) -> None:
    registry.register(trained, name)
    followed = champions(registry, name, tmp_path)

    def threshold() -> float:
        followed.refresh()
        champion = followed.of(name)
        assert champion is not None
        return champion.threshold

    assert threshold() == 0.5
    registry.client.set_registered_model_tag(name, "threshold", "0.03")
    assert threshold() == 0.03
    registry.client.set_registered_model_tag(name, "threshold", "half")
    assert threshold() == 0.03
    registry.client.delete_registered_model_tag(name, "threshold")
    assert threshold() == 0.5


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


def test_the_last_good_champion_stays_while_the_registry_is_away(
    registry: Any, trained: Bundle, tmp_path: Path, name: str
) -> None:
    registry.register(trained, name)
    database = Path(shutil.copy(registry.folder / "mlflow.db", tmp_path / "mlflow.db"))
    followed = Champions(f"sqlite:///{database}", [name], tmp_path / "bundles")
    followed.refresh()
    database.rename(tmp_path / "away.db")
    followed.refresh()
    assert followed.of(name) is not None


def test_who_has_no_champion_is_told_what_would_name_one(
    registry: Any, trained: Bundle, tmp_path: Path, name: str, caplog: pytest.LogCaptureFixture
) -> None:
    followed = champions(registry, name, tmp_path)
    followed.refresh()
    registry.client.create_registered_model(name)
    followed.refresh()

    left = "visitors are left alone until"
    assert caplog.messages == [
        f"No new champion of {name}: it has no version yet; {left} `make run` has trained one.",
        f"No new champion of {name}: no version is champion; {left} `tactful models promote` or a run names one.",
    ]


def _kept(followed: Champions, name: str, problem: str, caplog: pytest.LogCaptureFixture) -> None:
    """The first version stays, and one line says why the second was not taken."""
    followed.refresh()
    followed.refresh()
    good = followed.of(name)
    assert good is not None
    assert good.version == "1"
    (told,) = caplog.messages
    assert problem in told


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


def test_f20_a_service_goes_on_deciding_while_the_registry_is_locked(services: Any, trained: Bundle, name: str) -> None:
    registry, token = services.registry, services.token("shop")
    registry.register(trained, name)
    followed = Champions(registry.tracking_uri, [name], services.registry.folder / "bundles", interval=0.01)
    app = create_app(
        followed,
        FeaturesInTime(FeastFeatures(services.open_store), deadline=5.0),
        services.audit,
        Keyring.read(services.folder / "keys.json"),
    )
    asked = {"user_pseudo_id": "known", "model": name}
    with listening(app, token) as client:
        # answered once the start is over
        assert client.get("/readyz").status_code == 200
        with held(registry.folder / "mlflow.db"):
            answers = [client.post("/v1/decide", json=asked).json() for _ in range(20)]
            ready = client.get("/readyz").status_code
        assert {(answer["model"]["version"], answer["fallback"]) for answer in answers} == {("1", False)}
        assert ready == 200

        registry.register(with_threshold(trained, 0.25), name)
        deadline = time.monotonic() + 30
        while client.post("/v1/decide", json=asked).json()["model"]["version"] != "2":
            assert time.monotonic() < deadline


def test_f27_while_champions_change_every_question_is_answered_by_exactly_one_version(
    services: Any, trained: Bundle, name: str
) -> None:
    registry, token = services.registry, services.token("shop")
    registry.register(replace(with_threshold(trained, 0.25), calibration=Calibration(-1.0, 0.0)), name)
    registry.register(trained, name)
    followed = Champions(registry.tracking_uri, [name], services.registry.folder / "bundles", interval=0.01)
    store = FeaturesInTime(FeastFeatures(services.open_store), deadline=30)
    app = create_app(followed, store, services.audit, Keyring.read(services.folder / "keys.json"))
    asked, is_over = {"user_pseudo_id": "known", "model": name}, threading.Event()

    with listening(app, token) as client, ThreadPoolExecutor(4) as visitors:

        def keep_asking() -> list[httpx.Response]:
            answers = []
            while not is_over.is_set():
                answers.append(client.post("/v1/decide", json=asked))
            return answers

        asking = [visitors.submit(keep_asking) for _ in range(4)]
        try:
            for version in ("1", "2") * 4:
                registry.client.set_registered_model_alias(name, "champion", version)
                deadline = time.monotonic() + 60
                while client.post("/v1/decide", json=asked).json()["model"]["version"] != version:
                    assert time.monotonic() < deadline
        finally:
            is_over.set()
        responses = [response for visitor in asking for response in visitor.result()]

    assert {response.status_code for response in responses} == {200}
    answers = [response.json() for response in responses]
    said = {(each["model"]["version"], each["threshold"], each["score"], each["model"]["digest"]) for each in answers}
    assert sorted(each[:2] for each in said) == [("1", 0.25), ("2", 0.5)]
    assert len({score for _, _, score, _ in said}) == 2
    with services.audit as record:
        rows = [record.find(each["decision_id"]) for each in answers]
    assert {(row.version, row.threshold, row.score, row.digest) for row in rows} == said


def test_a_registry_that_is_not_there_is_not_made(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    followed = Champions(f"sqlite:///{tmp_path / 'mlflow.db'}", ["popup_behaviour"], tmp_path / "bundles")
    followed.refresh()
    assert caplog.messages[0].endswith("isn't there; visitors are left alone until `make run` has trained one.")
    assert followed.of("popup_behaviour") is None
    assert list(tmp_path.iterdir()) == []
