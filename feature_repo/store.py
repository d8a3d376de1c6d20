"""The feature store of a home, and the objects that are applied to it."""

from pathlib import Path
from string import Template
from typing import TYPE_CHECKING

import yaml

from feature_repo import contract
from feature_repo.contract import FeatureTable

if TYPE_CHECKING:
    from feast import FeatureStore
    from feast.feast_object import FeastObject

CONFIG = Path(__file__).with_name("feature_store.yaml")


def open_store(home: Path) -> "FeatureStore":
    """Feast's store under `home`, as feature_store.yaml describes it."""
    from feast import FeatureStore
    from feast.repo_config import RepoConfig

    (home / "feature_store").mkdir(parents=True, exist_ok=True)
    stated = yaml.safe_load(Template(CONFIG.read_text()).substitute(TACTFUL_HOME=home))
    return FeatureStore(config=RepoConfig(**stated, repo_path=CONFIG.parent))


def build_objects(tables: tuple[FeatureTable, ...], home: Path) -> list["FeastObject"]:
    """Every Feast object of the contract: entities, sources, views, and one service a model."""
    from feature_repo.entities import ENTITIES
    from feature_repo.services import build_service
    from feature_repo.sources import build_source
    from feature_repo.views import build_view

    sources = {table.view: build_source(table, home) for table in tables}
    views = {table.view: build_view(table, sources[table.view]) for table in tables}
    services = [build_service(model, tables, views) for model in contract.models_of(tables)]
    return [*ENTITIES.values(), *sources.values(), *views.values(), *services]
