"""The behavioural features: the contract is what the catalogue says, and real dbt sums up days as it says."""

import subprocess
import sys
from collections.abc import Mapping
from datetime import date
from pathlib import Path
from typing import Any

import duckdb
import pandas as pd
import pytest

from feature_repo import behaviour
from tactful.dbt import DBT_PROJECT, variables
from tactful.home import environment
from tactful.settings import Settings

DAY = date(2026, 1, 29)
Rows = Mapping[str, Mapping[str, Any]]


def test_the_contract_is_what_the_catalogue_writes() -> None:
    assert behaviour.CONTRACT.read_text() == behaviour.contract(), "run `python -m feature_repo.behaviour`"


def test_there_are_as_many_features_as_the_guide_says() -> None:
    names = [column["name"] for column in behaviour.columns()]

    assert len(names) == len(set(names)) == 250
    assert "250 behavioural features" in (DBT_PROJECT.parent / "docs" / "buyer_stage.md").read_text()


def _day(user: str, day: str, **counted: int) -> dict[str, Any]:
    none = {measure.name: 0 for measure in behaviour.MEASURES}
    return {"user_pseudo_id": user, "event_date": day, "known_at": f"{day} 12:00:00", **none, "sessions": 1, **counted}


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Rows:
    """The table's rows of DAY by user, as dbt builds them from a few days."""
    settings = Settings(home=tmp_path_factory.mktemp("home"))
    days = [
        _day("u", "2026-01-01", page_views=90),
        _day("u", "2026-01-02", page_views=6),
        _day("u", "2026-01-23", page_views=0),
        _day("u", "2026-01-29", page_views=2, sessions=2),
        _day("was there the day before", "2026-01-28", page_views=1),
    ]
    values = ", ".join(str(tuple(day.values())) for day in days)
    types: dict[str, str] = {measure.name: measure.data_type for measure in behaviour.MEASURES}
    types |= {"user_pseudo_id": "string", "event_date": "date", "known_at": "timestamp"}
    with duckdb.connect(settings.home / "warehouse.duckdb") as warehouse:
        warehouse.execute("create type float64 as double; create schema tactful")
        warehouse.execute(f"""
            create table tactful.int_user_days as
            select {", ".join(f"cast({name} as {types[name]}) as {name}" for name in days[0])}
            from (values {values}) as days({", ".join(days[0])})
        """)
    outcome = subprocess.run(
        [
            *(Path(sys.executable).with_name("dbt"), "build", "--select", "fct_user_behaviour"),
            *(
                "--project-dir",
                DBT_PROJECT,
                "--profiles-dir",
                DBT_PROJECT,
                "--vars",
                variables(settings, DAY, DAY, DAY),
            ),
            *("--target-path", settings.home / "target", "--log-path", settings.home / "logs"),
        ],
        env=environment(settings),
        capture_output=True,
        text=True,
        check=False,
    )
    assert outcome.returncode == 0, outcome.stdout
    with duckdb.connect(settings.home / "warehouse.duckdb", read_only=True) as warehouse:
        rows = warehouse.execute("select * from tactful.fct_user_behaviour").df().to_dict("records")
    return {str(row["user_pseudo_id"]): {str(name): value for name, value in row.items()} for row in rows}


def test_only_who_was_there_on_the_day_has_a_row(built: Rows) -> None:
    assert set(built) == {"u"}
    assert str(built["u"]["feature_at"]) == "2026-01-30 00:00:00"
    assert str(built["u"]["known_at"]) == "2026-01-30 06:00:00"


@pytest.mark.parametrize(
    ("aggregation", "days", "measure", "expected"),
    [
        ("sum", 1, "page_views", 2),
        ("sum", 7, "page_views", 2),
        ("sum", 28, "page_views", 8),
        ("active_days", 7, "page_views", 1),
        ("active_days", 28, "sessions", 3),
        ("largest", 28, "page_views", 6),
        ("per_session", 28, "page_views", 2.0),
        ("share", 1, "page_views", 0.25),
        ("share", 7, "sessions", 0.75),
        ("share", 7, "purchases", None),
        ("since_last", 28, "page_views", 0),
        ("since_first", 28, "page_views", 27),
        ("since_last", 28, "purchases", None),
    ],
)
def test_days_are_summed_up_as_the_rule_says_and_those_before_the_window_are_not(
    aggregation: str, days: int, measure: str, expected: float | None, built: Rows
) -> None:
    rule = {"measure": measure, "aggregation": aggregation, "days": days}
    (name,) = [column["name"] for column in behaviour.columns() if column["config"]["meta"]["behaviour"] == rule]

    value = built["u"][name]
    assert (None if pd.isna(value) else value) == expected
