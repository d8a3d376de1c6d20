"""Versions are set beside the truth of the shop that they learnt from."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from ml import bundle, training
from ml.bundle import BundleFeature, Header
from ml.registry import Registry
from ml.specs import POPUP_PROFILE
from ml.versions import NewVersion
from simulator.scenarios import settings_shop
from tactful import optimum
from tactful.settings import Settings
from tactful.source import Source, source_of

pytestmark = pytest.mark.filterwarnings("ignore:.*Any type hint is inferred")

SPEC = POPUP_PROFILE
HINT = (BundleFeature("hint", "shop", "user", "float64", 86_400.0, None),)


@pytest.fixture(scope="module")
def settings(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    return Settings(home=tmp_path_factory.mktemp("home"), simulation_days=20, simulation_sessions=2_000)


@pytest.fixture(scope="module")
def rows(settings: Settings) -> pd.DataFrame:
    """A training set that knows of each visitor's true probability, but for some noise."""
    moments, rng = optimum.known_moments(settings_shop(settings)), np.random.default_rng(5)
    odds = np.log(moments["converts_by_truth"] / (1 - moments["converts_by_truth"]))
    return moments.drop(columns="converts_by_truth").assign(
        hint=odds + rng.normal(0, 0.3, len(moments)),
        converts=rng.random(len(moments)) < moments["converts_by_truth"],
    )


def test_a_version_is_told_its_share_of_the_best(settings: Settings, rows: pd.DataFrame) -> None:
    folder = settings.home / "version"
    fitted = training.fit(SPEC, rows, HINT)
    days = ("2026-01-05", "2026-01-20")
    header = Header(SPEC.name, SPEC.feature_service, "c0ffee", "popup_submit", *days, fitted.threshold)
    digest = bundle.write(training.bundle_of(fitted, header), folder / "bundle", training.golden_rows(fitted, rows))
    (folder / "plots").mkdir()
    registry = Registry.of(settings)
    new = NewVersion(
        name=SPEC.name,
        purpose="",
        card="# Card",
        model=fitted.booster,
        features=HINT,
        params={},
        metrics={},
        tags={},
        bundle_folder=folder / "bundle",
        digest=digest,
        plots_folder=folder / "plots",
    )
    version = registry.register(new)
    (settings.home / "training_sets").mkdir()
    rows.to_parquet(settings.home / "training_sets" / f"{SPEC.name}.parquet")

    told = {SPEC.name: {"version": version, "digest": digest}, "popup_behaviour": {"status": "not_trained"}}
    found = optimum.judge(settings, source_of(settings), told)

    assert set(found) == {SPEC.name}
    assert 0.85 < found[SPEC.name]["roc_auc"].low < found[SPEC.name]["roc_auc"].value < 1.05
    stored = registry.version(SPEC.name, version)
    import mlflow

    client = mlflow.MlflowClient(registry.tracking_uri, registry.tracking_uri)
    metrics = client.get_run(stored.run_id).data.metrics
    assert metrics["share_of_bayes_roc_auc"] == pytest.approx(found[SPEC.name]["roc_auc"].value)
    assert metrics["share_of_bayes_recall_high"] == pytest.approx(found[SPEC.name]["recall"].high)
    card = client.get_model_version(SPEC.name, version).description
    assert card.startswith("# Card\n## Against the truth")


@pytest.mark.parametrize(
    ("settings_of", "source_of_them"),
    [({"conversion_event": "add_to_cart"}, "own"), ({}, "files")],
    ids=["another event", "another shop"],
)
def test_nothing_is_judged_where_the_truth_is_not_known(
    tmp_path: Path, settings_of: dict[str, str], source_of_them: str
) -> None:
    settings = Settings(home=tmp_path, **settings_of)  # type: ignore[arg-type]
    own = source_of(settings)
    source = Source(own.place, own.first, own.last, source_of_them)  # type: ignore[arg-type]
    assert optimum.judge(settings, source, {SPEC.name: {"version": "1", "digest": "0"}}) == {}
