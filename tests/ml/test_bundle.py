import json
import pickle
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import skops.io
from sklearn.preprocessing import FunctionTransformer

from ml import bundle, training
from ml.bundle import Bundle, BundleError, BundleFeature, Header
from ml.pipelines import PipelineBooster
from ml.training import Fitted
from tests.ml.conftest import build_shop

Shop = Callable[..., pd.DataFrame]
Written = tuple[Path, str]


@pytest.fixture
def written(fitted: Fitted[BundleFeature], shop: Shop, header: Header, tmp_path: Path) -> Written:
    golden = training.golden_rows(fitted, shop(fitted.spec.label))
    return tmp_path, bundle.write(training.bundle_of(fitted, header), tmp_path, golden)


def _flip_a_bit(content: bytes) -> bytes:
    middle = len(content) // 2
    return content[:middle] + bytes([content[middle] ^ 1]) + content[middle + 1 :]


@pytest.mark.parametrize(
    "damage",
    [
        pytest.param(_flip_a_bit, id="M04-flipped"),
        pytest.param(lambda content: content[: len(content) // 2], id="M04-truncated"),
        pytest.param(lambda _: b"", id="M04-empty"),
    ],
)
def test_a_damaged_file_is_refused_before_it_is_parsed(written: Written, damage: Callable[[bytes], bytes]) -> None:
    folder, digest = written
    for file in list(folder.iterdir()):
        content = file.read_bytes()
        file.write_bytes(damage(content))
        with pytest.raises(BundleError, match=f"{file.name} has SHA-256"):
            bundle.read(folder, digest)
        file.write_bytes(content)
    bundle.read(folder, digest)


def test_m04_a_missing_file_is_refused(written: Written) -> None:
    folder, digest = written
    for file in list(folder.iterdir()):
        content = file.read_bytes()
        file.unlink()
        with pytest.raises(BundleError, match=f"{file.name} is missing"):
            bundle.read(folder, digest)
        file.write_bytes(content)


def test_m06_no_model_is_stored_as_a_pickle(written: Written, fitted: Fitted[BundleFeature]) -> None:
    models = {"model.skops"} if isinstance(fitted.booster, PipelineBooster) else {"model.json", "model.onnx"}
    assert {file.name for file in written[0].iterdir()} == {"bundle.json", "golden.json", *models}


def test_m08_a_model_that_scores_otherwise_than_it_did_is_refused(
    popup_model: Fitted[BundleFeature], shop: Shop, header: Header, tmp_path: Path
) -> None:
    whole = training.bundle_of(popup_model, header)
    golden = training.golden_rows(popup_model, shop("converts"))
    bundle.write(whole, tmp_path, golden)
    scores = (tmp_path / "golden.json").read_text()
    shifted = replace(whole, calibration=replace(whole.calibration, intercept=whole.calibration.intercept + 0.1))
    bundle.write(shifted, tmp_path, golden)
    stale = (
        (tmp_path / "bundle.json")
        .read_text()
        .replace(bundle.sha256(tmp_path / "golden.json"), _put(tmp_path / "golden.json", scores))
    )
    digest = _put(tmp_path / "bundle.json", stale)
    with pytest.raises(BundleError, match="away from what was stored"):
        bundle.read(tmp_path, digest)


def test_a_bundle_without_golden_rows_is_refused(
    popup_model: Fitted[BundleFeature], header: Header, tmp_path: Path
) -> None:
    digest = bundle.write(training.bundle_of(popup_model, header), tmp_path, [])
    with pytest.raises(BundleError, match="no golden rows"):
        bundle.read(tmp_path, digest)


@pytest.mark.parametrize("other", [1, 99])
def test_another_format_is_refused_with_what_to_do(other: int, tmp_path: Path) -> None:
    digest = _put(tmp_path / "bundle.json", f'{{"format": {other}}}')
    with pytest.raises(BundleError, match=f"format {other}; this code reads format 2: train the model again"):
        bundle.read(tmp_path, digest)


class _Payload:
    """What leaves a mark where it is unpickled."""

    def __init__(self, mark: Path) -> None:
        self.mark = mark

    def __reduce__(self) -> tuple[Callable[[Path], None], tuple[Path]]:
        return Path.touch, (self.mark,)


def _untrusted() -> bytes:
    return bytes(skops.io.dumps(FunctionTransformer(partial(np.clip, a_min=0))))


@pytest.fixture
def whole(popup_model: Fitted[BundleFeature], header: Header) -> Bundle:
    return training.bundle_of(popup_model, header)


@pytest.fixture
def golden(popup_model: Fitted[BundleFeature]) -> Sequence[Mapping[str, Any]]:
    return training.golden_rows(popup_model, build_shop("converts"))


@pytest.mark.parametrize(
    ("model", "told"),
    [
        pytest.param({"model.json": b""}, "model.json begins with b''", id="M04-written-empty"),
        pytest.param({"model.json": b'{"learner": '}, "model.json is no model of XGBoost", id="M04-written-in-part"),
        pytest.param({"model.json": None}, "model.json begins with", id="M06-as-json"),
        pytest.param({"model.skops": None}, "model.skops is no file of skops", id="M06-as-skops"),
        pytest.param({"model.pkl": None}, "names model.pkl: model.json or model.skops is loaded", id="M06"),
        pytest.param({"model.skops": _untrusted()}, "model.skops can't be trusted.*partial", id="M07"),
    ],
)
def test_another_model_under_its_own_digest_is_refused_and_runs_nothing(
    whole: Bundle, golden: Sequence[Mapping[str, Any]], tmp_path: Path, model: dict[str, bytes | None], told: str
) -> None:
    """As somebody would register it who can write to the registry; None stands for a pickle."""
    ((name, content),) = model.items()
    mark, folder = tmp_path / "mark", tmp_path / "bundle"
    pickled = pickle.dumps(_Payload(mark))
    bundle.write(whole, folder, golden)
    (folder / "model.json").unlink()
    (folder / name).write_bytes(pickled if content is None else content)
    stated = json.loads((folder / "bundle.json").read_text())
    stated["files"] = {"golden.json": stated["files"]["golden.json"], name: bundle.sha256(folder / name)}
    digest = _put(folder / "bundle.json", json.dumps(stated))

    with pytest.raises(BundleError, match=told):
        bundle.read(folder, digest)

    assert not mark.exists()
    pickle.loads(pickled)
    assert mark.exists()


@pytest.mark.parametrize("version", [pytest.param([1, 7, 6], id="M08-older"), pytest.param([99, 0, 0], id="M08-newer")])
def test_a_model_that_another_xgboost_wrote_scores_as_it_did(
    whole: Bundle, golden: Sequence[Mapping[str, Any]], tmp_path: Path, version: list[int]
) -> None:
    bundle.write(whole, tmp_path, golden)
    file, stated = tmp_path / "model.json", tmp_path / "bundle.json"
    written = bundle.sha256(file)
    model = json.loads(file.read_text())
    assert model["version"] != version
    rewritten = _put(file, json.dumps({**model, "version": version}))
    digest = _put(stated, stated.read_text().replace(written, rewritten))

    np.testing.assert_allclose(bundle.read(tmp_path, digest).score_rows(golden), whole.score_rows(golden), atol=1e-6)


def _put(file: Path, text: str) -> str:
    file.write_text(text)
    return bundle.sha256(file)
