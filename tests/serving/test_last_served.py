"""What was served last is on the disk, and a start goes by it until the registry answers."""

import json
import shutil
import socket
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from mlflow import MlflowClient

from ml.bundle import Bundle
from serving.champions import Champion, Champions
from tests.serving.test_champions import with_threshold


class Shop:
    """A registry of the test's own, of which a service that ended has served a champion and a challenger."""

    def __init__(self, registry: Any, trained: Bundle, name: str, folder: Path) -> None:
        self.name, self.cache = name, folder / "bundles"
        registry.register(trained, name)
        registry.register(with_threshold(trained, 0.25), name, alias="challenger")
        registry.client.set_registered_model_tag(name, "threshold", "0.03")
        self.database = Path(shutil.copy(registry.folder / "mlflow.db", folder / "mlflow.db"))
        self.away = folder / "away.db"
        with self.service() as before:
            assert said(before.of(name)) == ("1", 0.03)
            assert said(before.challenger_of(name)) == ("2", 0.03)

    def service(self, tracking_uri: str | None = None) -> Champions:
        return Champions(tracking_uri or f"sqlite:///{self.database}", [self.name], self.cache, interval=0.01)


def said(champion: Champion | None) -> tuple[str, float] | None:
    return (champion.version, champion.threshold) if champion else None


@pytest.fixture
def shop(registry: Any, trained: Bundle, name: str, tmp_path: Path) -> Shop:
    return Shop(registry, trained, name, tmp_path)


@pytest.fixture
def hanging() -> Iterator[str]:
    """The address of a registry that takes questions and answers none."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield f"http://127.0.0.1:{server.getsockname()[1]}"


def test_m02_a_start_while_the_registry_is_away_goes_by_what_was_served_last(
    shop: Shop, caplog: pytest.LogCaptureFixture
) -> None:
    shop.database.rename(shop.away)
    with shop.service() as again:
        assert said(again.of(shop.name)) == ("1", 0.03)
        assert said(again.challenger_of(shop.name)) == ("2", 0.03)
    assert caplog.messages == [
        f"No new champion of any model: sqlite:///{shop.database} isn't there; those before it go on.",
        f"The registry has not answered; what was served last goes on of {shop.name}.",
    ]


def test_once_the_registry_answers_it_rules(shop: Shop, registry: Any) -> None:
    shop.database.rename(shop.away)
    with shop.service() as again:
        registry.client.set_registered_model_alias(shop.name, "champion", "2")
        shutil.copy(registry.folder / "mlflow.db", shop.away)
        shop.away.rename(shop.database)
        _until(again, shop.name, ("2", 0.03))
        MlflowClient(f"sqlite:///{shop.database}").delete_registered_model_alias(shop.name, "champion")
        _until(again, shop.name, None)

    shop.database.rename(shop.away)
    with shop.service() as at_last:
        assert at_last.of(shop.name) is None


def _until(champions: Champions, name: str, right: tuple[str, float] | None) -> None:
    deadline = time.monotonic() + 60
    while said(champions.of(name)) != right:
        assert time.monotonic() < deadline, said(champions.of(name))


def test_m04_a_bundle_that_was_altered_since_is_not_served(shop: Shop, caplog: pytest.LogCaptureFixture) -> None:
    digest = json.loads((shop.cache / f"{shop.name}.json").read_text())["champion"]["digest"]
    model = shop.cache / digest / "model.json"
    model.write_bytes(model.read_bytes().replace(b"0", b"1", 1))
    shop.database.rename(shop.away)
    with shop.service() as again:
        assert again.of(shop.name) is None
    assert caplog.messages[0].startswith(f"No new champion of {shop.name} as it was served last: BundleError: ")


@pytest.mark.parametrize(
    "damaged",
    [
        "",
        '{"champion": {}}',
        '{"champion": {"version": "1", "digest": "../..", "threshold": 0.5}}',
        f'{{"champion": {{"version": "1", "digest": "{"0" * 64}\\n", "threshold": 0.5}}}}',
        f'{{"champion": {{"version": "1", "digest": "{"0" * 64}", "threshold": 2}}}}',
    ],
)
def test_a_damaged_file_is_told_of_and_the_registry_asked(tmp_path: Path, registry: Any, damaged: str) -> None:
    (tmp_path / "popup_behaviour.json").write_text(damaged)
    with Champions(registry.tracking_uri, ["popup_behaviour"], tmp_path) as champions:
        assert champions.of("popup_behaviour") is not None
    assert json.loads((tmp_path / "popup_behaviour.json").read_text())["champion"]["version"] == "1"


def test_a_registry_that_hangs_holds_up_neither_start_nor_end(
    shop: Shop, hanging: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
    again = shop.service(hanging)
    again.patience = 0.01
    with again:
        assert said(again.of(shop.name)) == ("1", 0.03)
    assert "champions" in {thread.name for thread in threading.enumerate()}
