"""A small Feast store of one view of users, and online stores of each kind."""

import shutil
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from feast import FeatureStore
from feast.repo_config import RepoConfig

from feature_repo.contract import Column, FeatureTable
from feature_repo.offline import offline_folder
from feature_repo.store import build_objects, open_store
from tactful.settings import Settings
from tests.redis_server import PROGRAM, redis_server

TABLE = FeatureTable(
    name="fct_users",
    view="users",
    description="One row per user and day.",
    entity="user",
    join_key="user_pseudo_id",
    key=("user_pseudo_id", "day"),
    day="day",
    ttl=timedelta(days=3),
    is_online=True,
    columns=(
        Column("user_pseudo_id", "string", "", is_nullable=False),
        Column("day", "date", "", is_nullable=False),
        Column("feature_at", "timestamp", "", is_nullable=False),
        Column("known_at", "timestamp", "", is_nullable=False),
        Column("visits", "int64", "", is_nullable=True, models=("m",)),
        Column("spent", "float64", "", is_nullable=True, models=("m",)),
        Column("city", "string", "", is_nullable=True, models=("m",)),
        Column("is_new", "bool", "", is_nullable=True, models=("m",)),
    ),
)


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("home")
    offline_folder(folder, TABLE).mkdir(parents=True)
    return folder


@pytest.fixture(scope="module")
def store(home: Path) -> FeatureStore:
    opened = open_store(Settings(home=home))
    opened.apply(build_objects((TABLE,), Settings(home=home)))
    return opened


OTHER_TABLE = replace(TABLE, name="fct_more", view="more")
"""Of the same entity as TABLE."""


def open_online(home: Path, project: str = "shop", **online_store: Any) -> FeatureStore:
    """A store under `home` whose online side is as stated, with TABLE and OTHER_TABLE applied."""
    config = RepoConfig(
        project=project,
        provider="local",
        registry=str(home / "registry.db"),
        offline_store={"type": "duckdb"},
        online_store=online_store,
        entity_key_serialization_version=3,
        repo_path=home,
    )
    opened = FeatureStore(config=config)
    opened.apply(build_objects((TABLE, OTHER_TABLE), Settings(home=home)))
    return opened


@pytest.fixture(scope="session")
def redis_address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    if shutil.which(PROGRAM) is None:
        pytest.skip(f"{PROGRAM} is not installed")
    with redis_server(tmp_path_factory.mktemp("redis")) as address:
        yield address


@pytest.fixture(scope="module")
def sqlite_store(tmp_path_factory: pytest.TempPathFactory) -> FeatureStore:
    home = tmp_path_factory.mktemp("sqlite")
    return open_online(home, type="sqlite", path=str(home / "online.db"))


@pytest.fixture(scope="module")
def redis_store(tmp_path_factory: pytest.TempPathFactory, redis_address: str) -> FeatureStore:
    return open_online(tmp_path_factory.mktemp("redis"), type="redis", connection_string=redis_address)


@pytest.fixture(scope="module", params=["sqlite", "redis"])
def online_store(request: pytest.FixtureRequest) -> FeatureStore:
    """Each kind of online store that can be written to."""
    opened: FeatureStore = request.getfixturevalue(f"{request.param}_store")
    return opened
