"""What assets and checks ask of the warehouse is SQL that BigQuery understands: Google's own engine judges it."""

import json
import re
from collections.abc import Callable
from datetime import date
from pathlib import Path

import pandas as pd
import pytest

pytestmark = pytest.mark.needs_googlesql

Query = Callable[[str], tuple[str, ...]]


@pytest.fixture(scope="module")
def columns(manifest: Path) -> Query:
    """The columns that a query gives over empty tables of the contracts, which it names without their dataset."""
    try:
        from zetasql.wasi._pb2.zetasql.public.type_pb2 import TypeProto

        from tests.dbt_project.googlesql import TYPES, Engine, Table

        engine = Engine()
    except Exception as unloadable:
        pytest.skip(f"Google's GoogleSQL engine (extra `googlesql`) does not load here: {unloadable}")
    nodes = json.loads(manifest.read_text())["nodes"].values()
    tables = {
        node["name"]: Table(
            tuple(
                (column["name"], TypeProto(type_kind=TYPES[column["data_type"]])) for column in node["columns"].values()
            ),
            rows=(),
        )
        for node in nodes
        if node["resource_type"] == "model" and node["config"]["contract"]["enforced"]
    }

    def ask(sql: str) -> tuple[str, ...]:
        quoted = re.sub(rf"(?<=from )({'|'.join(tables)})\b", r"`\1`", re.sub(r"\$\w+", "'x'", sql))
        assert "`" in quoted
        return engine.query(quoted, tables).names

    return ask


def test_the_drift_report_s_sessions(columns: Query) -> None:
    from feature_repo.contract import FeatureTable
    from orchestration.assets import monitoring
    from orchestration.resources import TABLES

    def features(table: FeatureTable) -> list[str]:
        return [column.name for column in table.features_of("popup_behaviour")]

    names = [name for table in TABLES if table.entity == "session" for name in features(table)]

    read = columns(monitoring._SESSIONS.format(features=", ".join(names)))
    assert read == ("session_date", "user_pseudo_id", *names)


def test_the_last_visitor_s_session(columns: Query) -> None:
    from orchestration.assets import decisions

    assert columns(decisions._LAST_MOMENT) == ("session_key", "user_pseudo_id")
    assert columns(decisions._EVENTS) == ("event_name", "event_timestamp")
    assert columns(decisions._NEWEST) == ("known_at",)


def test_what_models_learn_from(columns: Query) -> None:
    from ml.specs import MODELS
    from orchestration.assets import models
    from orchestration.resources import all_rows

    assert columns(models._WHOLE_SESSIONS) == ("share",)
    for spec in MODELS:
        assert spec.label in columns(all_rows(spec.labels_table))


def test_the_rows_of_feature_tables(columns: Query, monkeypatch: pytest.MonkeyPatch) -> None:
    from orchestration import feature_rows
    from orchestration.resources import SETTINGS, TABLES, WarehouseResource

    asked: list[str] = []

    def query(_: WarehouseResource, sql: str) -> pd.DataFrame:
        asked.append(sql)
        return pd.DataFrame()

    monkeypatch.setattr(feature_rows, "SETTINGS", SETTINGS.model_copy(update={"profile": "gcp"}))
    monkeypatch.setattr(WarehouseResource, "query", query)
    warehouse, day = WarehouseResource(home="", path=""), date(2026, 1, 6)
    for table in TABLES:
        feature_rows.read(warehouse, table, date(2026, 1, 5), day)
        feature_rows.read_to_serve(warehouse, table, day)

    stated = [tuple(column.name for column in table.columns) for table in TABLES]
    assert [columns(sql) for sql in asked] == [names for names in stated for _ in ("read", "read to serve")]


def test_every_daily_table_is_read_with_a_condition_on_its_day(manifest: Path) -> None:
    from ml.specs import MODELS
    from orchestration.resources import ALL_DAYS, all_rows

    daily = {
        node["name"]: node["config"]["meta"]["day"]
        for node in json.loads(manifest.read_text())["nodes"].values()
        if node["resource_type"] == "model" and "day" in node["config"]["meta"]
    }
    read = {spec.labels_table for spec in MODELS} & set(daily)

    assert read
    assert [all_rows(table) for table in read] == [
        f"select * from {table} where {daily[table]} {ALL_DAYS}" for table in read
    ]


def test_a_day_lived_through_again(columns: Query) -> None:
    from orchestration.served_parity import _EVENTS, _MOMENTS

    day = date(2026, 1, 5)
    assert columns(_MOMENTS.format(day=day)) == ("session_key", "user_pseudo_id", "event_timestamp", "known_at")
    assert columns(_EVENTS.format(day=day)) == ("session_key", "event_name", "event_timestamp")
