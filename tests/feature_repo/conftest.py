"""A small Feast store of one view of users."""

from datetime import timedelta
from pathlib import Path

import pytest
from feast import FeatureStore

from feature_repo.contract import Column, FeatureTable
from feature_repo.offline import offline_folder
from feature_repo.store import build_objects, open_store

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
    opened = open_store(home)
    opened.apply(build_objects((TABLE,), home))
    return opened
