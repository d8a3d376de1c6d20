"""A shop small enough for a test: a Feast store on SQLite, an MLflow registry, and a trained bundle."""

import socket
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from functools import cached_property, partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx
import numpy as np
import pytest
import uvicorn
import xgboost as xgb
from starlette.applications import Starlette

from feature_repo.contract import ActivityRule
from ml import bundle, onnx_trees
from ml.bundle import Bundle, BundleFeature, Calibration, Header
from ml.encoding import Encoding
from ml.onnx_booster import OnnxBooster
from serving import keys, server
from serving.access import Access
from serving.app import create_app
from serving.audit import AuditLog
from serving.champions import Champions
from serving.client_store import ClientStore
from serving.features import FeastFeatures
from serving.following import Followed
from serving.keys import Keyring, KeyScope
from serving.live import Live
from serving.patience import FeaturesInTime
from serving.tracing import Tracing

if TYPE_CHECKING:
    from feast import FeatureStore

MODEL = "popup_behaviour"
DAY = 24 * 3600.0
# The moment of the tests' decisions, a day after the store's rows began to hold.
MOMENT = 1_772_000_000_000_000

FEATURES = (
    BundleFeature("pages_before", "session_profile", "session", "int64", DAY, None),
    BundleFeature("channel", "session_profile", "session", "string", DAY, None),
    BundleFeature("scrolls", "session_activity", "session", "int64", DAY, ActivityRule("scroll", "count")),
    BundleFeature("spend_usd", "user_features", "user", "float64", 30 * DAY, None),
    BundleFeature("purchases", "user_features", "user", "int64", 30 * DAY, None),
)
HEADER = Header(MODEL, f"{MODEL}_v1", "0" * 64, "popup_submit", "2026-01-05", "2026-02-20", threshold=0.5)
GOLDEN = [
    {"pages_before": 1, "channel": "search", "scrolls": 0, "spend_usd": None, "purchases": None},
    {"pages_before": 8, "channel": "email", "scrolls": 5, "spend_usd": 31.5, "purchases": 2},
]


@pytest.fixture(scope="session")
def trained() -> Bundle:
    """A bundle whose score rises with the number of scrolls."""
    random = np.random.default_rng(7)
    encoding = Encoding(
        {
            "pages_before": None,
            "channel": ("email", "search"),
            "scrolls": None,
            "spend_usd": None,
            "purchases": None,
        }
    )
    matrix = random.integers(0, 10, (400, len(encoding.names))).astype(np.float32)
    label = (matrix[:, 3] > 4).astype(int)
    booster = xgb.train({"objective": "binary:logistic", "max_depth": 2, "nthread": 1}, xgb.DMatrix(matrix, label), 8)
    return Bundle(HEADER, FEATURES, encoding, Calibration(1.0, 0.0), booster)


@pytest.fixture(scope="session")
def served_model(trained: Bundle) -> Bundle:
    """The same as services score it."""
    content = onnx_trees.convert(trained.booster, trained.encoding.names, trained.calibration)
    return replace(trained, light=OnnxBooster(content))


@pytest.fixture(scope="session")
def feast_repository(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A Feast repository on SQLite."""
    return feast_on(tmp_path_factory.mktemp("feature_store"), "{type: sqlite, path: online.db}")


def feast_on(folder: Path, online_store: str) -> Path:
    """A Feast repository that knows one visitor, one whose row is old, and one with nulls."""
    import pandas as pd
    from feast import Entity, FeatureStore, FeatureView, Field, FileSource
    from feast.data_format import ParquetFormat
    from feast.types import Float64, Int64
    from feast.value_type import ValueType

    (folder / "feature_store.yaml").write_text(
        "project: shop\nprovider: local\nregistry: registry.db\nentity_key_serialization_version: 3\n"
        f"online_store: {online_store}\n"
    )
    user = Entity(name="user", join_keys=["user_pseudo_id"], value_type=ValueType.STRING)
    source = FileSource(path=str(folder / "none.parquet"), file_format=ParquetFormat(), timestamp_field="feature_at")
    view = FeatureView(
        name="user_features",
        entities=[user],
        schema=[Field(name="spend_usd", dtype=Float64), Field(name="purchases", dtype=Int64)],
        source=source,
    )
    rows = pd.DataFrame(
        [
            ("known", 31.5, 2, MOMENT - 1_000_000),
            ("old", 31.5, 2, MOMENT - 31 * 86_400_000_000),
            ("nulls", float("nan"), None, MOMENT),
        ],
        columns=["user_pseudo_id", "spend_usd", "purchases", "feature_at"],
    ).astype({"purchases": "Int64"})
    rows["feature_at"] = pd.to_datetime(rows["feature_at"], unit="us", utc=True)
    store = FeatureStore(repo_path=str(folder))
    store.apply([user, view])
    store.write_to_online_store("user_features", rows)
    return folder


@pytest.fixture(scope="session")
def open_store(feast_repository: Path) -> "Callable[[], FeatureStore]":
    def opened() -> "FeatureStore":
        from feast import FeatureStore

        return FeatureStore(repo_path=str(feast_repository))

    return opened


class Registry:
    """An MLflow registry on SQLite, to which a test registers bundles."""

    def __init__(self, folder: Path) -> None:
        from mlflow import MlflowClient

        self.folder = folder
        self.tracking_uri = f"sqlite:///{folder / 'mlflow.db'}"
        self.client = MlflowClient(self.tracking_uri)
        self.experiment = self.client.create_experiment("tactful", artifact_location=str(folder / "artifacts"))

    def register(
        self,
        written: Bundle,
        name: str = MODEL,
        digest: str | None = None,
        alias: str = "champion",
        golden: Sequence[Mapping[str, Any]] = GOLDEN,
    ) -> str:
        """Registers `written` as the next version of `name`, under `alias`; returns the version."""
        run = self.client.create_run(self.experiment).info
        folder = self.folder / "written" / run.run_id
        true_digest = bundle.write(written, folder, golden)
        self.client.log_artifacts(run.run_id, str(folder), "bundle")
        tags = {"bundle_digest": true_digest if digest is None else digest}
        if not self.client.search_registered_models(f"name='{name}'"):
            self.client.create_registered_model(name)
        version = self.client.create_model_version(name, f"{run.artifact_uri}/bundle", run.run_id, tags).version
        self.client.set_registered_model_alias(name, alias, version)
        return str(version)


@pytest.fixture(scope="session")
def registry(tmp_path_factory: pytest.TempPathFactory, trained: Bundle) -> Registry:
    """A registry whose champion of `popup_behaviour` is the trained bundle."""
    registry = Registry(tmp_path_factory.mktemp("mlflow"))
    registry.register(trained)
    return registry


@pytest.fixture
def name(request: pytest.FixtureRequest) -> str:
    """A model of the test's own in the shared registry."""
    return str(request.node.name)


class Services:
    """Starts decision services whose audit and keys lie in `folder`."""

    def __init__(self, folder: Path, registry: Registry, open_store: "Callable[[], FeatureStore]") -> None:
        self.folder = folder
        self.registry = registry
        self.open_store = open_store
        self.audit = AuditLog(folder / "decisions.sqlite")
        self.clients = ClientStore(f"sqlite:///{folder / 'clients.db'}")
        self.running = ExitStack()

    @cached_property
    def shop(self) -> str:
        """A token of the client `shop`."""
        return self.token("shop")

    def token(
        self, client: str, expires_at: datetime | None = None, scopes: tuple[KeyScope, ...] = keys.UNNAMED
    ) -> str:
        return keys.issue(self.folder / "keys.json", client, datetime.now(UTC), expires_at, scopes)

    def set(self, client: str, **fields: Any) -> None:
        self.clients.set(client, fields, "a test", datetime.now(UTC))

    def start(self, *parts: Any, **named: Any) -> httpx.Client:
        """A client of a running service, with the key of `shop`; `app` says of which parts."""
        token, app = self.shop, self.app(*parts, **named)
        return self.running.enter_context(listening(app, token))

    def app(
        self,
        models: tuple[str, ...] = (MODEL,),
        open_store: "Callable[[], FeatureStore] | None" = None,
        deadline: float = 30,
        live: Live | None = None,
        *,
        tracing: Tracing | None = None,
        features_kept: float = 0.0,
    ) -> Starlette:
        """A service that looks for changes of keys and clients all the time."""
        keyring = Followed(partial(Keyring.read, self.folder / "keys.json"), interval=0.02)
        return create_app(
            Champions(self.registry.tracking_uri, models, self.registry.folder / "bundles"),
            FeaturesInTime(FeastFeatures(open_store or self.open_store, patience=min(deadline, 1)), deadline),
            self.audit,
            Access(keyring, Followed(self.clients.read, interval=0.02)),
            live=live,
            tracing=tracing,
            features_kept=features_kept,
        )


@contextmanager
def listening(app: Starlette, token: str) -> Iterator[httpx.Client]:
    """A client of `app` behind a real socket; what it asks before the start is over waits in the backlog."""
    with served(app) as (_, port):
        headers = {"authorization": f"Bearer {token}"}
        with httpx.Client(base_url=f"http://127.0.0.1:{port}", headers=headers, timeout=30) as client:
            yield client


@contextmanager
def served(app: Starlette) -> Iterator[tuple[uvicorn.Server, int]]:
    """The server of `app`, in a thread of its own, and its port."""
    with socket.create_server(("127.0.0.1", 0)) as port:
        running = uvicorn.Server(server.configured(app))
        thread = threading.Thread(target=running.run, kwargs={"sockets": [port]})
        thread.start()
        yield running, port.getsockname()[1]
        running.should_exit = True
        thread.join()


@pytest.fixture
def services(tmp_path: Path, registry: Registry, open_store: "Callable[[], FeatureStore]") -> Iterator[Services]:
    services = Services(tmp_path, registry, open_store)
    with services.running:
        yield services
