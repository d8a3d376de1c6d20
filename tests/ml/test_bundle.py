from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest

from ml import bundle, training
from ml.bundle import BundleError, BundleFeature, Header
from ml.pipelines import PipelineBooster
from ml.training import Fitted

Shop = Callable[..., pd.DataFrame]
Written = tuple[Path, str]


@pytest.fixture
def written(fitted: Fitted[BundleFeature], shop: Shop, header: Header, tmp_path: Path) -> Written:
    golden = training.golden_rows(fitted, shop(fitted.spec.label))
    return tmp_path, bundle.write(training.bundle_of(fitted, header), tmp_path, golden)


def test_a_flipped_byte_in_any_file_is_refused(written: Written) -> None:
    folder, digest = written
    for file in list(folder.iterdir()):
        content = file.read_bytes()
        middle = len(content) // 2
        file.write_bytes(content[:middle] + bytes([content[middle] ^ 1]) + content[middle + 1 :])
        with pytest.raises(BundleError, match=f"{file.name} has SHA-256"):
            bundle.read(folder, digest)
        file.write_bytes(content)
    bundle.read(folder, digest)


def test_a_missing_file_is_refused(written: Written) -> None:
    folder, digest = written
    for file in list(folder.iterdir()):
        content = file.read_bytes()
        file.unlink()
        with pytest.raises(BundleError, match=f"{file.name} is missing"):
            bundle.read(folder, digest)
        file.write_bytes(content)


def test_no_model_is_stored_as_a_pickle(written: Written, fitted: Fitted[BundleFeature]) -> None:
    model = "model.skops" if isinstance(fitted.booster, PipelineBooster) else "model.json"
    assert {file.name for file in written[0].iterdir()} == {"bundle.json", "golden.json", model}


def test_a_model_that_scores_otherwise_than_it_did_is_refused(
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


def _put(file: Path, text: str) -> str:
    file.write_text(text)
    return bundle.sha256(file)
