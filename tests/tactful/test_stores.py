from pathlib import Path
from urllib.parse import quote

import pytest
from pydantic import SecretStr

from tactful import stores
from tactful.settings import Settings


def test_a_home_keeps_its_runs_and_models_in_files(tmp_path: Path) -> None:
    settings = Settings(home=tmp_path)

    assert stores.tracking_uri(settings) == f"sqlite:///{tmp_path}/mlflow/mlflow.db"
    assert stores.ledger_url(settings) == f"sqlite:///{tmp_path}/mlflow/ledger.db"
    assert stores.artifact_location(settings) == f"file://{tmp_path}/mlflow/artifacts"


@pytest.mark.parametrize(
    ("address", "expected"),
    [
        ("postgresql://u:p%40@h:5432/db", "postgresql+psycopg2://u:p%40@h:5432/db?options=-csearch_path%3Dmlflow"),
        (
            "postgresql://u@/db?host=/cloudsql/a:b:c&options=-ctimezone%3DUTC",
            "postgresql+psycopg2://u@/db?host=%2Fcloudsql%2Fa%3Ab%3Ac&options=-ctimezone%3DUTC%20-csearch_path%3Dmlflow",
        ),
    ],
)
def test_each_tool_has_a_schema_of_its_own(gcp: Settings, address: str, expected: str) -> None:
    settings = gcp.model_copy(update={"postgres_url": SecretStr(address)})

    assert stores.tracking_uri(settings) == expected


@pytest.mark.parametrize("password", ["hush", "p@ss=w/rd", "true", "007", 'quote"d', "Łódź"])
def test_feast_is_told_the_redis_that_the_settings_name(gcp: Settings, password: str) -> None:
    from feast.infra.online_stores.redis import RedisOnlineStore

    address = f"rediss://reader:{quote(password, safe='')}@cache.internal:6380/3"
    told = stores.redis_for_feast(gcp.model_copy(update={"redis_url": SecretStr(address)}))
    (node,), parameters = RedisOnlineStore._parse_connection_string(told)

    assert node == {"host": "cache.internal", "port": "6380"}
    assert {name: parameters[name] for name in ("db", "username", "password", "ssl")} == {
        "db": 3,
        "username": "reader",
        "password": password,
        "ssl": True,
    }


def test_a_redis_without_a_password_is_told_none(gcp: Settings) -> None:
    told = stores.redis_for_feast(gcp.model_copy(update={"redis_url": SecretStr("redis://cache")}))

    assert told.startswith("cache:6379,db=0,socket_timeout=")
    assert "password" not in told
