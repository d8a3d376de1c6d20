"""Bundles hold an ONNX model that says what their booster says, or none; who asks for it is scored by it."""

import json
from pathlib import Path

import numpy as np
import onnx
import pytest
from numpy.typing import NDArray

from ml import bundle, onnx_bundle, stage_bundle, training, trial
from ml.bundle import Bundle, BundleError
from ml.onnx_trees import ONNX_FILE, PARITY, convert
from ml.stage_bundle import StageBundle
from tests.ml import rivals
from tests.ml.checked_models import STAGE_HEADER, build_stage_shop, fit_stages_to_shop
from tests.ml.conftest import HEADER, build_shop, fit_to_shop

ROWS = training.golden_rows(fit_to_shop("popup_profile"), build_shop("converts"))


def rewritten(folder: Path, content: bytes | None) -> str:
    """The digest of a bundle whose ONNX model is `content` from now on, as who may write to the registry has it."""
    stated = json.loads((folder / "bundle.json").read_text())
    if content is None:
        (folder / ONNX_FILE).unlink()
        del stated["files"][ONNX_FILE]
    else:
        (folder / ONNX_FILE).write_bytes(content)
        stated["files"][ONNX_FILE] = bundle.sha256(folder / ONNX_FILE)
    (folder / "bundle.json").write_text(json.dumps(stated))
    return bundle.sha256(folder / "bundle.json")


def another() -> bytes:
    """What a booster of the same columns says that learnt something else."""
    good = rivals.good()
    other = fit_to_shop("random_forest").booster
    return convert(other, good.encoding.names, good.calibration)


@pytest.fixture(scope="module")
def good() -> Bundle:
    return rivals.good()


def scores(read: Bundle) -> NDArray[np.float64]:
    return read.score_rows(ROWS)


@pytest.mark.parametrize("family", ["popup_profile", "random_forest"])
def test_who_asks_for_it_is_scored_by_the_onnx_model(family: str, tmp_path: Path) -> None:
    written = training.bundle_of(fit_to_shop(family), HEADER)
    digest = bundle.write(written, tmp_path, ROWS)
    by = {engine: read(tmp_path, digest) for engine, read in onnx_bundle.READERS.items()}

    assert by["native"].light is None
    assert by["onnx"].light is not None
    assert scores(by["native"]).tobytes() == scores(written).tobytes()
    np.testing.assert_allclose(scores(by["onnx"]), scores(written), rtol=0, atol=PARITY)


def test_a_pipeline_of_scikit_learn_scores_itself(tmp_path: Path) -> None:
    written = training.bundle_of(fit_to_shop("logistic_regression"), HEADER)
    digest = bundle.write(written, tmp_path, ROWS)
    assert not (tmp_path / ONNX_FILE).exists()
    assert scores(onnx_bundle.read(tmp_path, digest)).tobytes() == scores(written).tobytes()


def test_a_bundle_of_before_is_read_as_ever(good: Bundle, tmp_path: Path) -> None:
    bundle.write(good, tmp_path, ROWS)
    digest = rewritten(tmp_path, None)
    for read in (*onnx_bundle.READERS.values(), trial.read_sound):
        assert scores(read(tmp_path, digest)).tobytes() == scores(good).tobytes()


def test_a_file_that_the_bundle_does_not_state_is_not_loaded(good: Bundle, tmp_path: Path) -> None:
    bundle.write(good, tmp_path, ROWS)
    digest = rewritten(tmp_path, None)
    (tmp_path / ONNX_FILE).write_bytes(another())
    assert onnx_bundle.read(tmp_path, digest).light is None


@pytest.mark.parametrize(
    ("content", "told"),
    [
        pytest.param(another(), r"model.onnx scores 0\.\d+ away from its booster; at most 1e-05", id="another"),
        pytest.param(b"", "model.onnx can't be used: ", id="empty"),
        pytest.param(b"\x08" * 99, "model.onnx can't be used: ", id="nonsense"),
    ],
)
def test_an_onnx_model_of_another_mind_is_refused_where_it_would_be_used_and_on_trial(
    good: Bundle, tmp_path: Path, content: bytes, told: str
) -> None:
    bundle.write(good, tmp_path, ROWS)
    digest = rewritten(tmp_path, content)
    for read in (onnx_bundle.read, trial.read_sound):
        with pytest.raises(BundleError, match=told):
            read(tmp_path, digest)
    assert scores(bundle.read(tmp_path, digest)).tobytes() == scores(good).tobytes()


def test_the_trial_finds_what_golden_rows_do_not_show(good: Bundle, tmp_path: Path) -> None:
    """Trees that send a missing value the wrong way say the same of rows without one."""
    known = [row for row in ROWS if None not in row.values()]
    bundle.write(good, tmp_path, known)
    model = onnx.load(tmp_path / ONNX_FILE)
    (tracks,) = [each for each in model.graph.node[0].attribute if each.name == "nodes_missing_value_tracks_true"]
    tracks.ints[:] = [1 - side for side in tracks.ints]
    digest = rewritten(tmp_path, model.SerializeToString())

    onnx_bundle.read(tmp_path, digest)
    with pytest.raises(BundleError, match="away from its booster"):
        trial.read_sound(tmp_path, digest)


def test_the_trial_of_a_stage_model_holds_its_onnx_model_too(tmp_path: Path) -> None:
    fitted = fit_stages_to_shop()
    golden = training.golden_rows(fitted, build_stage_shop())
    digest = stage_bundle.write(StageBundle(STAGE_HEADER, fitted.definition, fitted.namer), tmp_path, golden)
    assert trial.reader_of("buyer_stage")(tmp_path, digest)

    other_way = (tmp_path / ONNX_FILE).read_bytes().replace(b"BRANCH_LT", b"BRANCH_GT")
    digest = rewritten(tmp_path, other_way)
    with pytest.raises(BundleError, match="away from its booster"):
        trial.reader_of("buyer_stage")(tmp_path, digest)
