"""Champions follow their alias, and are never worse than the last good one."""

import shutil
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
import pytest

from ml.bundle import Bundle, Calibration
from serving.app import create_app
from serving.champions import Champions
from serving.features import FeastFeatures
from serving.keys import Keyring
from serving.patience import FeaturesInTime
from tests.faults.locking import held
from tests.serving.conftest import listening


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


def test_a_model_without_a_champion_is_told_of_but_another_decides(services: Any) -> None:
    ready = services.start(models=("popup_behaviour", "popup_profile")).get("/readyz")

    assert ready.status_code == 200
    assert ready.json()["dependencies"]["popup_behaviour"] == "ok"
    assert "no champion" in ready.json()["dependencies"]["popup_profile"]
