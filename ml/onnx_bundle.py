"""Bundles that are scored by their ONNX model, and the trial of that model."""

import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import numpy as np
import xgboost as xgb

from ml import bundle, onnx_trees
from ml.bundle import GOLDEN_FILE, Bundle, BundleError, Calibration
from ml.onnx_booster import OnnxBooster
from ml.onnx_trees import ONNX_FILE, PARITY


def read(folder: Path, digest: str) -> Bundle:
    """The bundle in `folder`, scored by its ONNX model; by its own one where it holds none.

    Raises:
        BundleError: as `bundle.read`; or the ONNX model doesn't load, or scores golden rows otherwise than its booster.
    """
    own = bundle.read(folder, digest)
    content = _content(folder, digest, bundle.FORMAT)
    if content is None:
        return own
    golden = json.loads((folder / GOLDEN_FILE).read_bytes())["rows"]
    with _refusing():
        light = replace(own, light=OnnxBooster(content))
        _hold(float(np.max(np.abs(light.score_rows(golden) - own.score_rows(golden)))))
    return light


def prove(
    folder: Path, digest: str, known_format: int, booster: xgb.Booster, calibration: Calibration | None = None
) -> None:
    """Hold a bundle's ONNX model, if it holds one, to its booster where trees are easily misread.

    Raises:
        BundleError: it doesn't load, or scores otherwise.
    """
    content = _content(folder, digest, known_format)
    if content is not None:
        with _refusing():
            _hold(onnx_trees.difference(booster, content, calibration))


READERS: Mapping[str, Callable[[Path, str], Bundle]] = {"native": bundle.read, "onnx": read}
"""What loads a bundle, by what is to score it: its own library, or ONNX Runtime."""


def _content(folder: Path, digest: str, known_format: int) -> bytes | None:
    written = bundle.stated_in(folder, digest, known_format)["files"].get(ONNX_FILE)
    return None if written is None else bundle.verified(folder / ONNX_FILE, written)


def _hold(off: float) -> None:
    if not off <= PARITY:
        raise BundleError(f"{ONNX_FILE} scores {off:g} away from its booster; at most {PARITY:g} is right.")


@contextmanager
def _refusing() -> Iterator[None]:
    try:
        yield
    except BundleError:
        raise
    # ONNX Runtime's errors have nothing in common
    except Exception as refusal:
        raise BundleError(f"{ONNX_FILE} can't be used: {' '.join(str(refusal).split())[:300]}") from refusal
