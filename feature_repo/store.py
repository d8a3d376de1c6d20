"""The feature store of a profile, and the objects that are applied to it."""

import warnings
from collections.abc import Mapping
from pathlib import Path
from string import Template
from typing import TYPE_CHECKING, Any

import yaml

from feature_repo import contract
from feature_repo.contract import FeatureTable
from tactful import stores
from tactful.settings import HOME, Settings, variable

if TYPE_CHECKING:
    from feast import FeatureStore
    from feast.feast_object import FeastObject

_FOLDER = Path(__file__).parent
_CONFIGS = {"local": _FOLDER / "feature_store.yaml", "gcp": _FOLDER / "feature_store.gcp.yaml"}


def open_store(settings: Settings) -> "FeatureStore":
    """Feast's store of the settings' profile, as its feature_store.yaml describes it."""
    from feast import FeatureStore
    from feast.repo_config import RepoConfig

    # of a package that others bring and nothing here uses; the filters that Feast has just set let it through
    warnings.filterwarnings("ignore", r"sqlglot(rs|\[rs\]) is deprecated")
    stated = yaml.safe_load(_CONFIGS[settings.profile].read_text())
    return FeatureStore(config=RepoConfig(**_filled(stated, _values(settings)), repo_path=_FOLDER))


def _values(settings: Settings) -> dict[str, str]:
    """What stands for the variables of feature_store.yaml."""
    if settings.profile == "local":
        (settings.home / "feature_store").mkdir(parents=True, exist_ok=True)
        return {HOME: str(settings.home)}
    fields = ("gcp_project", "gcp_location", "warehouse_dataset")
    return {
        **{variable(field): str(getattr(settings, field)) for field in fields},
        "FEAST_REGISTRY": stores.postgres_url(settings, "feast"),
        "FEAST_REDIS": stores.redis_for_feast(settings),
    }


def _filled(stated: Any, values: Mapping[str, str]) -> Any:
    """YAML with its variables filled in after it was read, so that a value can hold any sign."""
    if isinstance(stated, dict):
        return {name: _filled(value, values) for name, value in stated.items()}
    return Template(stated).substitute(values) if isinstance(stated, str) else stated


def build_objects(tables: tuple[FeatureTable, ...], settings: Settings) -> list["FeastObject"]:
    """Every Feast object of the contract: entities, sources, views, and one service a model."""
    from feature_repo.entities import ENTITIES
    from feature_repo.services import build_service
    from feature_repo.sources import build_source
    from feature_repo.views import build_view

    sources = {table.view: build_source(table, settings) for table in tables}
    views = {table.view: build_view(table, sources[table.view]) for table in tables}
    services = [build_service(model, tables, views) for model in contract.models_of(tables)]
    return [*ENTITIES.values(), *sources.values(), *views.values(), *services]
