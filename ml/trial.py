"""The trial load of a version that may become champion: as serving will, and whether it can tell visitors apart."""

import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

import xgboost as xgb

from ml import bundle, onnx_bundle, segment_bundle, stage_bundle
from ml.bundle import Bundle, BundleError
from ml.registry import Registry
from ml.specs import BUYER_STAGE, USER_SEGMENTS
from ml.stage_bundle import StageBundle
from ml.versions import ChampionVersion

Read = Callable[[Path, str], object]
"""Loads the bundle in a folder whose digest was registered; raises a BundleError where it can't be used."""


def load(registry: Registry, version: ChampionVersion) -> Bundle:
    """The bundle of a yes-or-no model's version, champion or not.

    Raises:
        RegistryError: it has no bundle.
        BundleError: its bundle does not load, or could not decide.
    """
    with TemporaryDirectory() as folder:
        return read_sound(registry.download_bundle(version.name, version.version, Path(folder)), version.digest)


def reader_of(model: str) -> Read:
    """What loads the bundles of a model as those do who use it."""
    readers: Mapping[str, Read] = {BUYER_STAGE.name: read_stages, USER_SEGMENTS.name: segment_bundle.read}
    return readers.get(model, read_sound)


def read_sound(folder: Path, digest: str) -> Bundle:
    """The bundle of a yes-or-no model that can tell rows apart.

    Raises:
        BundleError: as `bundle.read`; or the threshold is no probability, no tree was learnt, all scores are equal, or
            its ONNX model scores otherwise.
    """
    read = bundle.read(folder, digest)
    scores = json.loads((folder / "golden.json").read_text())["scores"]
    if flaw := flaw_of(read, scores):
        raise BundleError(f"It can't tell rows apart: {flaw}.")
    onnx_bundle.prove(folder, digest, bundle.FORMAT, read.booster, read.calibration)
    return read


def read_stages(folder: Path, digest: str) -> StageBundle:
    """The bundle of a stage model.

    Raises:
        BundleError: as `stage_bundle.read`; or its ONNX model scores otherwise.
    """
    read = stage_bundle.read(folder, digest)
    onnx_bundle.prove(folder, digest, stage_bundle.FORMAT, read.namer.booster)
    return read


def flaw_of(read: Bundle, scores: Sequence[float]) -> str | None:
    """Why a model can't tell rows apart, by its `scores` of different ones; None if it can."""
    threshold = read.header.threshold
    if not 0.0 <= threshold <= 1.0:
        return f"its threshold is {threshold}, and a probability between 0 and 1 is needed"
    if isinstance(read.booster, xgb.Booster) and read.booster.num_boosted_rounds() == 0:
        return "it has no trees"
    if len(scores) > 1 and min(scores) == max(scores):
        return f"it gives all {len(scores)} golden rows the same score, {scores[0]:g}"
    return None
