"""A stage model in one folder with digests; no pickle, no loader of others.

bundle/bundle.json   what it reads, and which stages it names
bundle/model.json    the XGBoost booster
bundle/model.onnx    the booster in ONNX's format, to be taken elsewhere
bundle/golden.json   feature rows with the scores they must give
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ml import onnx_trees
from ml.bundle import BOOSTER_FILE, PlainHeader, booster_in, score_again, sha256, stated_in, verified
from ml.encoding import Encoding
from ml.stages import Namer

FORMAT = 1


@dataclass(frozen=True)
class StageBundle:
    """A version ready to name stages as `definition` defines them."""

    header: PlainHeader
    definition: str
    namer: Namer

    def score_rows(self, rows: Sequence[Mapping[str, Any]]) -> NDArray[np.float32]:
        """The scores of rows given as mappings from feature to value."""
        return self.namer.score({name: [row[name] for row in rows] for name in self.namer.encoding.sources.values()})


def write(bundle: StageBundle, folder: Path, golden: Sequence[Mapping[str, Any]]) -> str:
    """Write a bundle with its golden rows; returns its digest, the SHA-256 of bundle.json."""
    folder.mkdir(parents=True, exist_ok=True)
    bundle.namer.booster.save_model(folder / BOOSTER_FILE)
    light = onnx_trees.export(bundle.namer.booster, bundle.namer.encoding.names, folder)
    scores = bundle.score_rows(golden).tolist()
    (folder / "golden.json").write_text(json.dumps({"rows": list(golden), "scores": scores}, allow_nan=False))
    stated = {
        "format": FORMAT,
        "header": asdict(bundle.header),
        "definition": bundle.definition,
        "stages": bundle.namer.stages,
        "encoding": bundle.namer.encoding.stated(),
        "files": {name: sha256(folder / name) for name in (BOOSTER_FILE, "golden.json", *light)},
    }
    (folder / "bundle.json").write_text(json.dumps(stated, indent=1, allow_nan=False))
    return sha256(folder / "bundle.json")


def read(folder: Path, digest: str) -> StageBundle:
    """The bundle in `folder`, if it is the one whose digest was registered and still scores its golden rows.

    Raises:
        BundleError: a file is missing or altered, the format is unknown, or a golden row scores differently.
    """
    stated = stated_in(folder, digest, FORMAT)
    contents = {name: verified(folder / name, written) for name, written in stated["files"].items()}
    bundle = StageBundle(
        header=PlainHeader(**stated["header"]),
        definition=stated["definition"],
        namer=Namer(tuple(stated["stages"]), Encoding.of(stated["encoding"]), booster_in(contents[BOOSTER_FILE])),
    )
    score_again(bundle.score_rows, contents["golden.json"], folder)
    return bundle
