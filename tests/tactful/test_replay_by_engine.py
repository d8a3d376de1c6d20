"""A score is replayed by whichever of the bundle's models gave it, bit for bit."""

import json
from pathlib import Path

import numpy as np
import pytest

from ml.onnx_bundle import READERS
from ml.registry import Registry
from serving.audit import AuditLog
from tactful.settings import Settings
from tactful.stores import decision_record
from tests.ml import rivals
from tests.tactful.test_decisions import call, decided, features

# MLflow warns of a type hint of its own when it is imported
pytestmark = pytest.mark.filterwarnings("ignore:.*Any type hint is inferred")


def test_the_score_of_the_onnx_model_is_the_same_again_and_told_of(tmp_path: Path) -> None:
    settings = Settings(home=tmp_path)
    registry, good = Registry.of(settings), rivals.good()
    version = rivals.add_version(registry, "popup_profile", good)
    digest = registry.version("popup_profile", version).digest
    folder = registry.download_bundle("popup_profile", version, tmp_path)
    rows = [{name: row[name] for name in features()} for row in json.loads(rivals.shop(50).to_json(orient="records"))]
    scores = {engine: read(folder, digest).score_rows(rows) for engine, read in READERS.items()}
    (place, *_) = np.flatnonzero(scores["native"] != scores["onnx"])
    with AuditLog(decision_record(settings)) as log:
        for engine, given in {**scores, "neither": (scores["native"] + scores["onnx"]) / 2}.items():
            score = float(given[place])
            log.append([decided(engine, good, version, digest, features=rows[place], score=score)])

    replayed = {engine: call(settings, "replay", engine) for engine in ("native", "onnx", "neither")}
    by_native, by_onnx = (f"{float(scores[engine][place])!r}" for engine in READERS)
    told = f"by version {version} of popup_profile, bundle {digest[:12]}"
    assert replayed["native"].output == f"The same score: {by_native}, {told}.\n"
    assert replayed["onnx"].output == f"The same score: {by_onnx}, {told}, by its ONNX model.\n"
    assert replayed["neither"].output.startswith(f"Another score: {by_native}, where 0.")
    assert [each.exit_code for each in replayed.values()] == [0, 0, 1]
