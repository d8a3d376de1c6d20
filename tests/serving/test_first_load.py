"""The first load of a bundle is a child process's: what ends it leaves the service and its last good champion."""

import json
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import psutil
import pytest

from ml import bundle
from ml.bundle import Bundle
from serving.app import create_app
from serving.champions import Champions
from serving.features import FeastFeatures
from serving.first_load import LINE
from serving.keys import Keyring
from serving.patience import FeaturesInTime
from tests.serving.conftest import MODEL, listening
from tests.serving.test_champions import with_threshold
from tests.serving.test_main import HEAVY

IMPORTED = 'import sys, serving.first_load; print(*{name.partition(".")[0] for name in sys.modules})'


class Written:
    """A booster of whose own kind only the scores are: its file holds `content`."""

    def __init__(self, scoring: Any, content: bytes) -> None:
        self.inplace_predict = scoring.inplace_predict
        self.content = content

    def save_model(self, file: Path) -> None:
        file.write_bytes(self.content)


def with_file(trained: Bundle, content: bytes) -> Bundle:
    booster: Any = Written(trained.booster, content)
    return replace(trained, booster=booster)


def model(trained: Bundle) -> Any:
    booster: Any = trained.booster
    return json.loads(booster.save_raw("json"))


def in_a_circle(trained: Bundle) -> bytes:
    """A model whose first tree has no end."""
    found = model(trained)
    tree = found["learner"]["gradient_booster"]["model"]["trees"][0]
    tree["left_children"][0] = tree["right_children"][0] = 0
    return json.dumps(found).encode()


def without_bottom(_: Bundle) -> bytes:
    return b'{"learner":' + b"[" * 300_000


def without_bounds(_: Bundle) -> bytes:
    """The start of a binary model that announces five gigabytes."""
    sizes = [size.to_bytes(8, "big") for size in (7, 5 * 2**30)]
    return b"{L" + sizes[0] + b"learner[$U#L" + sizes[1]


class Shop:
    """A model of the test's own in the shared registry, whose first version has been loaded from `cache`."""

    def __init__(self, registry: Any, trained: Bundle, name: str, cache: Path) -> None:
        self.registry, self.trained, self.name, self.cache = registry, trained, name, cache
        registry.register(trained, name)
        self.followed = Champions(registry.tracking_uri, [name], cache, interval=0.01)
        self.followed.refresh()
        assert self.version() == "1"

    def register(self, content: bytes) -> None:
        """Register the trained bundle as the next version, with `content` for its model's file."""
        self.registry.register(with_file(self.trained, content), self.name)

    def register_another(self) -> None:
        """Register a good version as the next one."""
        self.registry.register(with_threshold(self.trained, 0.25), self.name)

    def register_stated(self, folder: Path, text: str) -> None:
        """Register a good version as the next one, but for what it states of itself."""
        stated = folder / "bundle.json"
        stated.write_text(text)
        added = self.registry.register(with_threshold(self.trained, 0.25), self.name, digest=bundle.sha256(stated))
        run_id = self.registry.client.get_model_version(self.name, added).run_id
        self.registry.client.log_artifact(run_id, str(stated), "bundle")

    def version(self, followed: Champions | None = None) -> str | None:
        champion = (followed or self.followed).of(self.name)
        return champion.version if champion else None


@pytest.fixture(scope="module")
def first(registry: Any, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A cache in which the trained bundle has been loaded."""
    cache = tmp_path_factory.mktemp("first") / "bundles"
    Champions(registry.tracking_uri, [MODEL], cache).refresh()
    return cache


@pytest.fixture
def shop(registry: Any, trained: Bundle, first: Path, tmp_path: Path, request: pytest.FixtureRequest) -> Shop:
    return Shop(registry, trained, request.node.name, shutil.copytree(first, tmp_path / "bundles"))


def stopped_child() -> psutil.Process:
    """The child that loads a bundle, stopped as soon as it is there."""
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        for child in psutil.Process().children():
            if "serving.first_load" in child.cmdline():
                child.suspend()
                return child
    raise AssertionError("No child was started.")


@pytest.mark.parametrize(
    ("damage", "told"),
    [
        pytest.param(without_bottom, "Its first load was ended by SIGSEGV.", id="M04-crashes-the-parser"),
        pytest.param(in_a_circle, "Its first load was ended by SIGSEGV.", id="M04-crashes-what-scores"),
        pytest.param(without_bounds, "model.json is no model of XGBoost: std::bad_alloc", id="M04-asks-for-all-memory"),
    ],
)
def test_what_ends_a_child_is_told_once_and_leaves_the_last_good_champion(
    shop: Shop, damage: Callable[[Bundle], bytes], told: str, caplog: pytest.LogCaptureFixture
) -> None:
    shop.register(damage(shop.trained))
    shop.followed.refresh()
    # a second child would be told of as too slow
    shop.followed.first_loads.patience = 0
    shop.followed.refresh()

    assert shop.version() == "1"
    assert caplog.messages == [f"No new champion of {shop.name}: Version 2 can't be loaded. {told}"]


def test_m04_a_bundle_that_states_less_than_it_must_leaves_the_last_good_champion(
    shop: Shop, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    shop.register_stated(tmp_path, '{"format": 2, "files": {}}')
    shop.followed.refresh()

    assert shop.version() == "1"
    assert caplog.messages == [f"No new champion of {shop.name}: Version 2 can't be loaded. KeyError: 'header'"]


def test_m04_a_child_that_says_too_much_is_told_of_in_a_line(
    shop: Shop, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    shop.register_stated(tmp_path, json.dumps({"format": 2, "files": {"x" * 2**22: ""}}))
    shop.followed.refresh()

    assert shop.version() == "1"
    (told,) = caplog.messages
    assert "x" * 500 in told
    assert len(told) < 2 * LINE


@pytest.mark.parametrize("written_by", [[1, 7, 6], [99, 0, 0]], ids=["M08-older", "M08-newer"])
def test_a_model_of_another_xgboost_is_served_where_it_scores_as_it_did(shop: Shop, written_by: list[int]) -> None:
    shop.register(json.dumps({**model(shop.trained), "version": written_by}).encode())
    shop.followed.refresh()
    assert shop.version() == "2"


def test_m08_a_model_that_scores_otherwise_than_it_did_leaves_the_last_good_champion(
    shop: Shop, caplog: pytest.LogCaptureFixture
) -> None:
    other = model(shop.trained)
    other["learner"]["learner_model_param"]["base_score"] = "[9E-1]"
    shop.register(json.dumps(other).encode())
    shop.followed.refresh()

    assert shop.version() == "1"
    (told,) = caplog.messages
    assert "away from what was stored" in told


def test_m04_a_child_that_hangs_is_ended_and_the_version_is_tried_again_after_a_rest(
    shop: Shop, caplog: pytest.LogCaptureFixture
) -> None:
    first_loads = shop.followed.first_loads
    shop.register_another()
    patience, first_loads.patience = first_loads.patience, 3
    with ThreadPoolExecutor(1) as following:
        refreshed = following.submit(shop.followed.refresh)
        child = stopped_child()
        refreshed.result()

    assert not child.is_running()
    assert shop.version() == "1"
    told = "Version 2 can't be loaded. Its first load took over 3 seconds."
    assert caplog.messages == [f"No new champion of {shop.name}: {told}"]
    first_loads.patience, first_loads.rest = patience, 0
    shop.followed.refresh()
    assert shop.version() == "2"


def test_a_version_is_loaded_beside_the_requests_in_work(shop: Shop, services: Any) -> None:
    asked, token = {"user_pseudo_id": "known", "model": shop.name}, services.token("shop")
    store, keyring = FeastFeatures(services.open_store), Keyring.read(services.folder / "keys.json")

    with listening(create_app(shop.followed, FeaturesInTime(store, 30), services.audit, keyring), token) as client:

        def answered_by() -> str:
            return str(client.post("/v1/decide", json=asked).json()["model"]["version"])

        assert answered_by() == "1"
        shop.register_another()
        child = stopped_child()
        assert {answered_by() for _ in range(20)} == {"1"}
        child.resume()
        deadline = time.monotonic() + 60
        while answered_by() == "1":
            assert time.monotonic() < deadline


def test_a_service_that_ends_waits_for_no_child(shop: Shop) -> None:
    shop.followed.first_loads.patience = 3600
    with shop.followed:
        shop.register_another()
        child = stopped_child()
    assert not child.is_running()


def test_what_was_loaded_once_is_loaded_by_later_starts_without_a_child(shop: Shop) -> None:
    def of_a_start_without_time_for_a_child() -> str | None:
        again = Champions(shop.registry.tracking_uri, [shop.name], shop.cache)
        again.first_loads.patience = 0
        again.refresh()
        return shop.version(again)

    assert of_a_start_without_time_for_a_child() == "1"
    (mark,) = shop.cache.glob("*.xgboost-*")
    mark.rename(mark.with_name(mark.name.replace("xgboost-", "xgboost-0.")))
    assert of_a_start_without_time_for_a_child() is None


def test_a_child_imports_none_of_what_trains_and_checks() -> None:
    modules = subprocess.check_output([sys.executable, "-c", IMPORTED], text=True).split()
    assert "xgboost" in modules
    assert {*HEAVY, "feast", "mlflow"}.isdisjoint(modules)
