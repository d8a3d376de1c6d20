"""All that serving needs of a model version, in one folder with digests; no pickle, no loader of others.

bundle/bundle.json   what the model reads and how its output is turned into a decision
bundle/model.json    the XGBoost booster; or model.skops, a scikit-learn classifier
bundle/model.onnx    the booster in ONNX's format, to be taken elsewhere; its scores are within `onnx_trees.PARITY`
bundle/golden.json   feature rows with the scores they must give
"""

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any
from zipfile import BadZipFile

import numpy as np
import xgboost as xgb
from numpy.typing import NDArray

from feature_repo.contract import ActivityRule, PlaceKind
from ml import onnx_trees, pipelines
from ml.encoding import Encoding
from ml.onnx_booster import OnnxBooster
from ml.pipelines import PipelineBooster
from ml.places import Columns

FORMAT = 2
GOLDEN_TOLERANCE = 1e-6
BOOSTER_FILE = "model.json"
PIPELINE_FILE = "model.skops"
GOLDEN_FILE = "golden.json"

# a value of each feature
GoldenRow = Mapping[str, Any]


class BundleError(ValueError):
    """A bundle is incomplete, altered, or does not score as it did when it was written."""


@dataclass(frozen=True)
class BundleFeature:
    """A feature a model reads: where it lives, its type, its age limit in seconds, its live rule if any.

    `place` is the kind of places that it holds, if it holds any; `subgroup` says whom it tells apart where the model is
    judged group by group.
    """

    name: str
    view: str
    entity: str
    data_type: str
    ttl_seconds: float
    rule: ActivityRule | None
    place: PlaceKind | None = None
    subgroup: str | None = None


@dataclass(frozen=True)
class Calibration:
    """Platt scaling: probability = 1 / (1 + exp(-(slope * margin + intercept)))."""

    slope: float
    intercept: float

    def probability(self, margin: NDArray[np.floating]) -> NDArray[np.float64]:
        return 1.0 / (1.0 + np.exp(-(self.slope * margin.astype(np.float64) + self.intercept)))


@dataclass(frozen=True)
class Header:
    """What a bundle states about its model; `trained_to` is the last day of training data, as YYYY-MM-DD."""

    model: str
    feature_service: str
    contract_checksum: str
    conversion_event: str
    trained_from: str
    trained_to: str
    threshold: float


@dataclass(frozen=True)
class PlainHeader:
    """What is stated of a model that scores against no threshold; days are YYYY-MM-DD."""

    model: str
    feature_service: str
    contract_checksum: str
    trained_from: str
    trained_to: str


@dataclass(frozen=True)
class Bundle:
    """A model version ready to score; `light` scores in place of the booster."""

    header: Header
    features: tuple[BundleFeature, ...]
    encoding: Encoding
    calibration: Calibration
    booster: xgb.Booster | PipelineBooster
    light: OnnxBooster | None = None

    def showing_from(self, threshold: float | None) -> "Bundle":
        """The same with another threshold, that which the business has set; None: with its own."""
        return self if threshold is None else replace(self, header=replace(self.header, threshold=threshold))

    def score(self, columns: Columns) -> NDArray[np.float64]:
        """Calibrated probabilities, one a row of `columns`."""
        scored_by = self.light or self.booster
        margin = scored_by.inplace_predict(self.encoding.transform(columns), predict_type="margin")
        return self.calibration.probability(margin)

    def score_rows(self, rows: Sequence[Mapping[str, Any]]) -> NDArray[np.float64]:
        """Calibrated probabilities of rows given as mappings from feature to value."""
        return self.score({feature.name: [row[feature.name] for row in rows] for feature in self.features})


def write(bundle: Bundle, folder: Path, golden: Sequence[Mapping[str, Any]]) -> str:
    """Write a bundle with its golden rows; returns its digest, the SHA-256 of bundle.json."""
    folder.mkdir(parents=True, exist_ok=True)
    model_file = PIPELINE_FILE if isinstance(bundle.booster, PipelineBooster) else BOOSTER_FILE
    bundle.booster.save_model(folder / model_file)
    light = onnx_trees.export(bundle.booster, bundle.encoding.names, folder, bundle.calibration)
    scores = bundle.score_rows(golden).tolist()
    (folder / GOLDEN_FILE).write_text(json.dumps({"rows": list(golden), "scores": scores}, allow_nan=False))
    stated = {
        "format": FORMAT,
        "header": asdict(bundle.header),
        "features": [asdict(feature) for feature in bundle.features],
        "encoding": bundle.encoding.stated(),
        "calibration": asdict(bundle.calibration),
        "files": {name: sha256(folder / name) for name in (model_file, GOLDEN_FILE, *light)},
    }
    (folder / "bundle.json").write_text(json.dumps(stated, indent=1, allow_nan=False))
    return sha256(folder / "bundle.json")


def read(folder: Path, digest: str) -> Bundle:
    """The bundle in `folder`, if it is the one whose digest was registered and still scores its golden rows.

    Raises:
        BundleError: a file is missing or altered, the format is unknown, the model is of no kind that is loaded here or
            holds types that are not trusted, or a golden row scores differently.
    """
    stated = stated_in(folder, digest, FORMAT)
    if others := stated["files"].keys() - {BOOSTER_FILE, PIPELINE_FILE, GOLDEN_FILE, onnx_trees.ONNX_FILE}:
        raise BundleError(
            f"Bundle {folder} names {', '.join(sorted(others))}: {BOOSTER_FILE} or {PIPELINE_FILE} is loaded."
        )
    contents = {name: verified(folder / name, written) for name, written in stated["files"].items()}
    bundle = Bundle(
        header=Header(**stated["header"]),
        features=tuple(_feature(feature) for feature in stated["features"]),
        encoding=Encoding.of(stated["encoding"]),
        calibration=Calibration(**stated["calibration"]),
        booster=_booster(contents),
    )
    score_again(bundle.score_rows, contents[GOLDEN_FILE], folder)
    return bundle


def _feature(stated: Mapping[str, Any]) -> BundleFeature:
    rule = stated["rule"]
    return BundleFeature(**{**stated, "rule": rule and ActivityRule(**rule)})


def _booster(contents: Mapping[str, bytes]) -> xgb.Booster | PipelineBooster:
    if PIPELINE_FILE not in contents:
        return booster_in(contents.get(BOOSTER_FILE, b""))
    from skops.io.exceptions import UntrustedTypesFoundException

    try:
        return PipelineBooster(pipelines.load(contents[PIPELINE_FILE]))
    except UntrustedTypesFoundException as refusal:
        raise BundleError(f"{PIPELINE_FILE} can't be trusted. {refusal}") from refusal
    except BadZipFile as other:
        raise BundleError(f"{PIPELINE_FILE} is no file of skops: {other}.") from other


def booster_in(content: bytes) -> xgb.Booster:
    """The booster that a bundle's file holds.

    Raises:
        BundleError: the file is none of XGBoost's JSON.
    """
    if not content.startswith(b"{"):
        # of an empty file XGBoost ends the process
        raise BundleError(f"{BOOSTER_FILE} begins with {content[:8]!r}; XGBoost's JSON begins with a brace.")
    booster = xgb.Booster()
    try:
        booster.load_model(bytearray(content))
    except xgb.core.XGBoostError as refusal:
        raise BundleError(f"{BOOSTER_FILE} is no model of XGBoost: {str(refusal).splitlines()[0]}") from refusal
    # batches are small: on busy cores one row takes 0.3 ms in one thread and 16 ms in two, which wait for each other
    booster.set_param({"nthread": 1})
    return booster


def stated_in(folder: Path, digest: str, known_format: int) -> Any:
    """What a folder's bundle.json states, if it is the one that was written, in the format that is known.

    Raises:
        BundleError: the file is missing or altered, or of another format.
    """
    stated = json.loads(verified(folder / "bundle.json", digest))
    if stated["format"] != known_format:
        raise BundleError(
            f"Bundle {folder} has format {stated['format']}; this code reads format {known_format}: train the model "
            "again."
        )
    return stated


def score_again(score_rows: Callable[[Sequence[GoldenRow]], NDArray[np.floating]], golden: bytes, folder: Path) -> None:
    """Score a bundle's golden rows as serving will.

    Raises:
        BundleError: there is none, or a score is not the one that was stored.
    """
    stored = json.loads(golden)
    if not stored["rows"]:
        raise BundleError(f"Bundle {folder} holds no golden rows; at least one is needed to try it.")
    off = float(np.max(np.abs(score_rows(stored["rows"]) - np.array(stored["scores"]))))
    if not off <= GOLDEN_TOLERANCE:
        raise BundleError(f"Bundle {folder} scores its golden rows {off:g} away from what was stored.")


def verified(file: Path, digest: str) -> bytes:
    """The content of a bundle's file, if it is the one that was written.

    Raises:
        BundleError: the file is missing or altered.
    """
    if not file.is_file():
        raise BundleError(f"Bundle file {file} is missing.")
    content = file.read_bytes()
    found = hashlib.sha256(content).hexdigest()
    if found != digest:
        raise BundleError(f"Bundle file {file} has SHA-256 {found[:12]}...; {digest[:12]}... was registered.")
    return content


def sha256(file: Path) -> str:
    """The digest of a bundle's file."""
    return hashlib.sha256(file.read_bytes()).hexdigest()
