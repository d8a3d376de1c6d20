"""Champions are scored by ONNX Runtime where the service is told so, and looked after as ever."""

import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ml.bundle import Bundle
from ml.onnx_trees import ONNX_FILE, PARITY
from serving.champions import Champion, Champions
from tests.ml.test_onnx_bundle import rewritten
from tests.serving.conftest import GOLDEN

IMPORTED = "import sys, serving.first_load, serving.champions; print({'onnx', 'onnxruntime'} & {*sys.modules})"


def followed(registry: Any, name: str, cache: Path, engine: str = "onnx") -> Champions:
    champions = Champions(registry.tracking_uri, [name], cache, engine=engine)
    champions.refresh()
    return champions


def champion(champions: Champions, name: str) -> Champion:
    found = champions.of(name)
    assert found is not None
    return found


def register_rewritten(registry: Any, trained: Bundle, name: str, folder: Path, content: bytes | None) -> None:
    """Register a version whose ONNX model is `content`; None: that has none."""
    version = registry.register(trained, name)
    run_id = registry.client.get_model_version(name, version).run_id
    written = Path(registry.client.download_artifacts(run_id, "bundle", str(folder)))
    digest = rewritten(written, content)
    run = registry.client.create_run(registry.experiment).info
    registry.client.log_artifacts(run.run_id, str(written), "bundle")
    added = registry.client.create_model_version(name, run.artifact_uri, run.run_id, {"bundle_digest": digest}).version
    registry.client.set_registered_model_alias(name, "champion", added)


def test_a_champion_is_scored_by_its_onnx_model_after_a_child_has_tried_it(
    registry: Any, trained: Bundle, tmp_path: Path, name: str
) -> None:
    registry.register(trained, name)
    loaded = champion(followed(registry, name, tmp_path), name)

    assert loaded.bundle.light is not None
    np.testing.assert_allclose(loaded.bundle.score_rows(GOLDEN), trained.score_rows(GOLDEN), rtol=0, atol=PARITY)
    (mark,) = [each.name for each in tmp_path.iterdir() if not each.is_dir() and each.suffix != ".json"]
    assert ".onnxruntime-" in mark


def test_told_to_its_own_library_scores(registry: Any, trained: Bundle, tmp_path: Path, name: str) -> None:
    registry.register(trained, name)
    assert champion(followed(registry, name, tmp_path, "native"), name).bundle.light is None
    assert subprocess.check_output([sys.executable, "-c", IMPORTED], text=True) == "set()\n"


def test_a_version_without_an_onnx_model_is_scored_by_its_own_library_and_the_log_says_so(
    registry: Any, trained: Bundle, tmp_path: Path, name: str, caplog: pytest.LogCaptureFixture
) -> None:
    register_rewritten(registry, trained, name, tmp_path, None)
    loaded = champion(followed(registry, name, tmp_path / "bundles"), name)

    assert loaded.bundle.score_rows(GOLDEN).tobytes() == trained.score_rows(GOLDEN).tobytes()
    assert caplog.messages == [f"Bundle {loaded.digest[:12]} holds no ONNX model; its own library scores."]


def test_an_onnx_model_that_is_none_leaves_the_last_good_champion(
    registry: Any, trained: Bundle, tmp_path: Path, name: str, caplog: pytest.LogCaptureFixture
) -> None:
    registry.register(trained, name)
    champions = followed(registry, name, tmp_path / "bundles")
    register_rewritten(registry, trained, name, tmp_path, b"none")
    champions.refresh()

    assert champion(champions, name).version == "1"
    (told,) = caplog.messages
    assert told.startswith(f"No new champion of {name}: Version 3 can't be loaded. {ONNX_FILE} can't be used: ")
