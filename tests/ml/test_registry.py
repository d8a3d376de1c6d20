import resource
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import mlflow
import pandas as pd
import pytest

from ml import bundle, training
from ml.bundle import BundleError, BundleFeature, Header
from ml.pipelines import PipelineBooster
from ml.promotion import ChampionMoved, Order, Seat
from ml.registry import Registry, RegistryError
from ml.training import Fitted
from ml.unavailable import RegistryUnavailable
from ml.versions import ChampionVersion, NewVersion, signature_of
from tactful.settings import Settings

Model = Fitted[BundleFeature]

# MLflow warns of a type hint of its own when it is imported
pytestmark = pytest.mark.filterwarnings("ignore:.*Any type hint is inferred")


ORDER = Order("a test", "to see")


def _promote(registry: Registry, name: str, version: str) -> ChampionVersion:
    champion = registry.champion(name)
    Seat(registry, name).promote(version, ORDER, champion.version if champion else None)
    return registry.version(name, version)


@contextmanager
def full_disk(limit: int) -> Iterator[None]:
    """While the block runs, this process writes nothing beyond so many bytes of a file."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


@pytest.fixture(scope="module")
def registry(tmp_path_factory: pytest.TempPathFactory) -> Registry:
    registry = Registry.of(Settings(home=tmp_path_factory.mktemp("home")))
    registry.ensure()
    return registry


@pytest.fixture
def digest(fitted: Model, header: Header, shop: Callable[..., pd.DataFrame], tmp_path: Path) -> str:
    """Of the bundle of the test's model, in the test's folder."""
    golden = training.golden_rows(fitted, shop(fitted.spec.label))
    return bundle.write(training.bundle_of(fitted, header), tmp_path / "bundle", golden)


@pytest.fixture
def new(fitted: Model, digest: str, tmp_path: Path, request: pytest.FixtureRequest) -> NewVersion:
    (tmp_path / "plots").mkdir()
    (tmp_path / "plots" / "roc.png").write_bytes(b"picture")
    booster = fitted.booster
    return NewVersion(
        name=request.node.name.replace("[", "-").rstrip("]"),
        purpose="Is it worth a pop-up?",
        card="# card",
        model=booster.classifier if isinstance(booster, PipelineBooster) else booster,
        features=fitted.features,
        params={"max_depth": "2"},
        metrics={"roc_auc": 0.8, "roc_auc_low": 0.7},
        tags={"contract": "c0ffee"},
        bundle_folder=tmp_path / "bundle",
        digest=digest,
        plots_folder=tmp_path / "plots",
    )


@pytest.mark.parametrize("fitted", ["popup_profile", "logistic_regression", "random_forest"], indirect=True)
def test_a_version_comes_back_as_champion_with_its_bundle(registry: Registry, new: NewVersion, tmp_path: Path) -> None:
    assert registry.champion(new.name) is None
    version = registry.register(new)
    assert registry.champion(new.name) is None
    promoted = _promote(registry, new.name, version)
    assert registry.champion(new.name) == promoted
    assert (promoted.version, promoted.digest, promoted.tags["contract"]) == ("1", new.digest, "c0ffee")
    (tmp_path / "fetched").mkdir()
    folder = registry.download_bundle(new.name, version, tmp_path / "fetched")
    assert bundle.read(folder, promoted.digest).header.model == "shop"


@pytest.mark.parametrize("fitted", ["popup_profile"], indirect=True)
class TestPromotion:
    def test_needs_a_digest(self, registry: Registry, new: NewVersion) -> None:
        version = registry.register(new)
        client = mlflow.MlflowClient(registry.tracking_uri, registry.tracking_uri)
        client.delete_model_version_tag(new.name, version, "bundle_digest")
        with pytest.raises(RegistryError, match="no tag bundle_digest"):
            _promote(registry, new.name, version)
        assert registry.champion(new.name) is None

    def test_needs_a_bundle(self, registry: Registry, new: NewVersion, tmp_path: Path) -> None:
        (tmp_path / "empty").mkdir()
        version = registry.register(replace(new, bundle_folder=tmp_path / "empty"))
        with pytest.raises(RegistryError, match="no artifact 'bundle'"):
            _promote(registry, new.name, version)

    def test_needs_the_bundle_that_was_registered(self, registry: Registry, new: NewVersion) -> None:
        first = registry.register(new)
        _promote(registry, new.name, first)
        second = registry.register(replace(new, digest="0" * 64))
        with pytest.raises(BundleError, match="SHA-256"):
            _promote(registry, new.name, second)
        champion = registry.champion(new.name)
        assert champion is not None
        assert champion.version == first

    @pytest.mark.parametrize(
        ("share", "why"),
        [
            pytest.param(0.1, "disk I/O error", id="F14-database"),
            pytest.param(1.5, "File too large", id="F14-artifacts"),
        ],
    )
    def test_that_finds_the_disk_full_leaves_the_champion_and_the_next_one_takes_over(
        self, registry: Registry, new: NewVersion, share: float, why: str
    ) -> None:
        database = Path(registry.tracking_uri.removeprefix("sqlite:///"))
        champion = _promote(registry, new.name, registry.register(new))
        limit = int(share * database.stat().st_size)
        (new.plots_folder / "large.png").write_bytes(bytes(limit + 1))

        with full_disk(limit), pytest.raises(RegistryUnavailable) as refused:
            registry.register(new)

        assert str(refused.value).startswith(f"MLflow's store sqlite:///{database} can't be used: ")
        assert why in str(refused.value)
        assert "\n" not in str(refused.value)
        assert registry.checked(new.name, champion.version) == registry.champion(new.name) == champion
        assert _promote(registry, new.name, registry.register(new)) == registry.champion(new.name)

    def test_is_undone_and_remembered_though_people_moved_the_alias(self, registry: Registry, new: NewVersion) -> None:
        _promote(registry, new.name, registry.register(new))
        by_hand = registry.register(new)
        client = mlflow.MlflowClient(registry.tracking_uri, registry.tracking_uri)
        client.set_registered_model_alias(new.name, "champion", by_hand)
        Seat(registry, new.name).retire(ORDER, by_hand)
        assert registry.champion(new.name) is None
        last = registry.last_champion(new.name)
        assert last is not None
        assert last.version == by_hand
        with pytest.raises(ChampionMoved, match="is nobody now, and version 2 was expected"):
            Seat(registry, new.name).retire(ORDER, by_hand)
        assert registry.last_champion(new.name) == last

    def test_leaves_the_threshold_that_the_business_set(self, registry: Registry, new: NewVersion) -> None:
        registry.register(new)
        assert registry.threshold(new.name) is None
        registry.set_threshold(new.name, 0.03)
        _promote(registry, new.name, registry.register(new))
        assert registry.threshold(new.name) == 0.03
        registry.set_threshold(new.name, None)
        registry.set_threshold(new.name, None)
        assert registry.threshold(new.name) is None

    def test_keeps_the_figures_that_a_version_came_with(self, registry: Registry, new: NewVersion) -> None:
        version = registry.register(replace(new, evidence={"thresholds": [{"threshold": 0.03}]}))
        champion = _promote(registry, new.name, version)
        assert registry.evidence(champion, "thresholds") == [{"threshold": 0.03}]
        assert registry.evidence(champion, "ballots") is None

    def test_leaves_the_process_with_the_store_it_had(self, registry: Registry, new: NewVersion) -> None:
        before = mlflow.get_tracking_uri()
        registry.register(new)
        assert mlflow.get_tracking_uri() == before
        assert mlflow.active_run() is None

    def test_shows_run_and_model_in_mlflow(self, registry: Registry, new: NewVersion) -> None:
        version = registry.register(new)
        client = mlflow.MlflowClient(registry.tracking_uri, registry.tracking_uri)
        stored = client.get_model_version(new.name, version)
        run = client.get_run(str(stored.run_id))
        assert (stored.description, client.get_registered_model(new.name).description) == (
            new.card,
            new.purpose,
        )
        assert run.data.metrics == new.metrics
        assert run.data.params == new.params
        artifacts = {artifact.path for artifact in client.list_artifacts(run.info.run_id)}
        assert {"bundle", "plots", "model_card.md"} <= artifacts


def test_the_signature_asks_for_every_feature_in_contract_order(features: Sequence[BundleFeature]) -> None:
    inputs = signature_of(features).inputs
    assert inputs.input_names() == ["pages", "minutes", "is_new", "device"]
    assert [kind.name for kind in inputs.input_types()] == ["double", "double", "double", "string"]
    assert inputs.required_input_names() == inputs.input_names()


def test_a_threshold_is_set_for_a_registered_model_alone(registry: Registry) -> None:
    with pytest.raises(RegistryError, match="No model is called 'popup'; registered are"):
        registry.set_threshold("popup", 0.5)
