"""Versions of a made-up model, good and bad ones, on record in MLflow without the time that training them takes."""

from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

import pandas as pd

from ml import bundle, training
from ml.bundle import Bundle, Calibration
from ml.registry import BUNDLE_DIGEST, Registry
from tests.ml.conftest import HEADER, build_shop, fit_to_shop

CONTRACT = {"contract": HEADER.contract_checksum, "conversion_event": HEADER.conversion_event}


def good() -> Bundle:
    """What ranks the shop's visitors well."""
    return training.bundle_of(fit_to_shop("popup_profile"), HEADER)


def bad() -> Bundle:
    """The same with all scores the wrong way round: it shows to those who do not convert."""
    right = good()
    return replace(right, calibration=Calibration(-right.calibration.slope, -right.calibration.intercept - 2))


def shop(rows: int = 2_000, seed: int = 2) -> pd.DataFrame:
    """Visitors of the thirty days after those that the versions learnt from."""
    later = build_shop("converts", rows, seed)
    moments = ["event_timestamp", "settled_at"]
    later[moments] = later[moments].apply(lambda column: (column + pd.Timedelta(days=30)).dt.tz_localize("UTC"))
    return later


def add_version(registry: Registry, name: str, version: Bundle, tags: dict[str, str] | None = None) -> str:
    """Put a version on record, with its bundle; returns its number."""
    from mlflow import MlflowClient

    client = MlflowClient(registry.tracking_uri, registry.tracking_uri)
    run_id = client.create_run(registry.ensure()).info.run_id
    with TemporaryDirectory() as folder:
        golden = training.golden_rows(fit_to_shop("popup_profile"), build_shop("converts"))
        digest = bundle.write(version, Path(folder), golden)
        client.log_artifacts(run_id, folder, "bundle")
    if not client.search_registered_models(f"name = '{name}'"):
        client.create_registered_model(name)
    stated = {**CONTRACT, BUNDLE_DIGEST: digest, **(tags or {})}
    return str(client.create_model_version(name, f"runs:/{run_id}/bundle", run_id, tags=stated).version)
