"""Champions of a registry, made of what was fitted to small tables; no gate is passed."""

from pathlib import Path

import pandas as pd

from ml import bundle, stage_bundle, training
from ml.bundle import BundleFeature
from ml.registry import CHAMPION, Registry
from ml.stage_bundle import StageBundle
from ml.stages import FittedStages
from ml.training import Fitted
from ml.versions import NewVersion
from tests.ml.checked_models import STAGE_HEADER
from tests.ml.conftest import HEADER

AnyFitted = Fitted[BundleFeature] | FittedStages[BundleFeature]


def crown(registry: Registry, name: str, fitted: AnyFitted, rows: pd.DataFrame, *, contract: str, folder: Path) -> None:
    """Register as champion of `name` what was `fitted` to `rows` under a contract; `folder` is for its files."""
    golden = training.golden_rows(fitted, rows)
    if isinstance(fitted, FittedStages):
        model = fitted.namer.booster
        named = StageBundle(STAGE_HEADER, fitted.definition, fitted.namer)
        digest = stage_bundle.write(named, folder / "bundle", golden)
    else:
        model = fitted.booster
        digest = bundle.write(training.bundle_of(fitted, HEADER), folder / "bundle", golden)
    (folder / "plots").mkdir()
    version = registry.register(
        NewVersion(
            name=name,
            purpose="",
            card="",
            model=model,
            features=fitted.features,
            params={},
            metrics={},
            tags={"contract": contract},
            bundle_folder=folder / "bundle",
            digest=digest,
            plots_folder=folder / "plots",
        )
    )
    registry.point(name, CHAMPION, version)
