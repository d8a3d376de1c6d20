"""What the benchmark of the decision service decides with: users in an online store, a champion, and requests.

25 features of each user come from the store and 15 from the request; the model has 200 trees of depth 6.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import xgboost as xgb

from benchmarks.online_write import DAY, FEATURES, TABLE, frame_of
from feature_repo import online
from ml import bundle
from ml.bundle import Bundle, BundleFeature, Calibration, Header
from ml.encoding import Encoding
from serving import keys

if TYPE_CHECKING:
    from feast import FeatureStore

MODEL = "popup_behaviour"
LEVELS = ("organic", "cpc", "email")
PROFILE = {**{f"number_{place}": "float64" for place in range(12)}, **{f"text_{place}": "string" for place in range(3)}}
THIRTY_DAYS = 30 * 24 * 3600.0
MOMENT = int(datetime(DAY.year, DAY.month, DAY.day, 12, tzinfo=UTC).timestamp()) * 1_000_000
USERS = 5_000


@dataclass(frozen=True)
class Shop:
    """Where it lies, how its online store is called and reached, and the key of its client."""

    folder: Path
    online_store: Mapping[str, Any]
    token: str

    @property
    def repository(self) -> Path:
        return self.folder / "feature_store"

    @property
    def tracking_uri(self) -> str:
        return f"sqlite:///{self.folder / 'mlflow.db'}"

    def open_store(self) -> "FeatureStore":
        """Feast's store."""
        from feast import FeatureStore

        return FeatureStore(repo_path=str(self.repository))


def build(folder: Path, online_store: Mapping[str, Any]) -> Shop:
    """Write users to the online store, register a champion and issue a key."""
    folder.mkdir(parents=True)
    shop = Shop(folder, online_store, keys.issue(folder / "keys.json", "shop", datetime.now(UTC)))
    _write_users(shop)
    _register(shop, champion())
    return shop


def champion() -> Bundle:
    """A model of the stated size, trained on noise: what it says doesn't matter here, how long it takes does."""
    stored = [
        BundleFeature(column.name, TABLE.view, TABLE.entity, column.data_type, THIRTY_DAYS, None) for column in FEATURES
    ]
    asked = [
        BundleFeature(name, "session_profile", "session", data_type, THIRTY_DAYS, None)
        for name, data_type in PROFILE.items()
    ]
    features = (*stored, *asked)
    encoding = Encoding({each.name: LEVELS if each.data_type == "string" else None for each in features})
    random = np.random.default_rng(0)
    matrix = random.normal(3, 2, (20_000, len(encoding.names))).astype(np.float32)
    label = matrix[:, :20].sum(axis=1) + random.normal(0, 9, len(matrix)) > 60
    booster = xgb.train({"objective": "binary:logistic", "max_depth": 6, "nthread": 1}, xgb.DMatrix(matrix, label), 200)
    header = Header(MODEL, f"{MODEL}_v1", "0" * 64, "popup_submit", "2026-01-05", "2026-01-06", threshold=0.5)
    return Bundle(header, features, encoding, Calibration(1.0, 0.0), booster)


def bodies(count: int, a_request: int = 1, seed: int = 1) -> list[bytes]:
    """Requests as a client sends them; lists of `a_request` where that is more than one."""
    random = np.random.default_rng(seed)
    users = _users()
    made = []
    for _ in range(count):
        asked = [
            {
                "user_pseudo_id": users[random.integers(len(users))],
                "at": MOMENT,
                "profile": {
                    name: LEVELS[random.integers(3)] if data_type == "string" else round(float(random.normal(3, 2)), 3)
                    for name, data_type in PROFILE.items()
                },
            }
            for _ in range(a_request)
        ]
        made.append(json.dumps(asked if a_request > 1 else asked[0]).encode())
    return made


def _users() -> list[str]:
    return list(frame_of(USERS)[TABLE.join_key])


def _write_users(shop: Shop) -> None:
    from feast import FileSource
    from feast.data_format import ParquetFormat

    from feature_repo.entities import ENTITIES
    from feature_repo.views import build_view

    shop.repository.mkdir()
    stated = {
        "project": "shop",
        "provider": "local",
        "registry": str(shop.repository / "registry.db"),
        "entity_key_serialization_version": 3,
        "online_store": dict(shop.online_store),
    }
    # JSON is YAML
    (shop.repository / "feature_store.yaml").write_text(json.dumps(stated))
    source = FileSource(
        name="users_source",
        path=str(shop.repository / "none.parquet"),
        file_format=ParquetFormat(),
        timestamp_field="feature_at",
    )
    store = shop.open_store()
    store.apply([ENTITIES[TABLE.entity], source, build_view(TABLE, source)])
    online.write_newest(store, TABLE, frame_of(USERS))


def _register(shop: Shop, made: Bundle) -> None:
    from mlflow import MlflowClient

    golden = [{feature.name: None for feature in made.features}]
    digest = bundle.write(made, shop.folder / "bundle", golden)
    client = MlflowClient(shop.tracking_uri)
    experiment = client.create_experiment("shop", artifact_location=(shop.folder / "artifacts").as_uri())
    run = client.create_run(experiment).info
    client.log_artifacts(run.run_id, str(shop.folder / "bundle"), "bundle")
    client.create_registered_model(MODEL)
    version = client.create_model_version(
        MODEL, f"{run.artifact_uri}/bundle", run.run_id, {"bundle_digest": digest}
    ).version
    client.set_registered_model_alias(MODEL, "champion", version)
