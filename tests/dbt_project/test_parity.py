"""Every model gives the same rows on DuckDB and on Google's own GoogleSQL engine, over the same export."""

import math
import subprocess
import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from ga4_export.landing import Landing
from tactful.dbt import DBT_PROJECT, variables
from tactful.home import environment
from tactful.settings import Settings
from tests.conftest import PROJECT
from tests.dbt_project import shop_days
from tests.dbt_project.bigquery import MODELS, Model, compile_models
from tests.dbt_project.shop_days import LAST, LONG_AGO, ZONE

if TYPE_CHECKING:
    from tests.dbt_project.googlesql import Cell, Engine

pytestmark = pytest.mark.needs_googlesql

SAMPLE = PROJECT.parent / "shared" / "data" / "ga4_sample"
NOW = datetime(2026, 4, 20, 12, tzinfo=UTC)
TYPES = {
    "BIGINT": "int64",
    "DOUBLE": "float64",
    "VARCHAR": "string",
    "BOOLEAN": "bool",
    "TIMESTAMP": "timestamp",
    "DATE": "date",
}
DUCKDB_ALONE = {"file_sha256"}  # BigQuery's tables have no digest

# while a visitor of the made-up days is there
HOUR = 8 + shop_days.DAYS.index(date(2026, 3, 29))
MOMENT = int(datetime(2026, 3, 29, HOUR, 5, 20, tzinfo=ZONE).timestamp()) * 1_000_000
NO_TIME, NO_NUMBER = "nullif(1774777800000000, 1774777800000000)", "nullif(1e0, 1e0)"
NO_TEXT = "cast(null as string)"

# what models say of users, which are no models of dbt's
_SAID_OF = (
    "select '{}' as user_pseudo_id, date '2026-03-29' as feature_date, timestamp '2026-03-29 22:00:00' as feature_at, "
    "timestamp '2026-04-20 12:00:00.00000{}' as known_at, "
)
SAID = {
    "user_segment_labels": " union all ".join(
        _SAID_OF.format(user, 1) + f"'{segment}' as id, 'Gości' as name, '1' as version"
        for user, segment in (("7.7", "S1"), ("4.4", "S12"))
    ),
    "user_model_scores": " union all ".join(
        _SAID_OF.format(user, n) + f"'{model}' as model, '{answer}' as answer, {score} as score, '1{n}' as version"
        for n, (user, model, answer, score) in enumerate(
            (
                ("7.7", "purchase_propensity", "will_purchase_7d", "1e-1"),
                ("7.7", "buyer_stage", "ready", "1e-9"),
                ("4.4", "churn", "will_churn_30d", "1e0"),
            )
        )
    ),
}
SAID["decision_log"] = " union all ".join(
    f"select date '2026-03-29' as decision_date, '{name}' as decision_id, '{user}' as user_pseudo_id, "
    f"'shop' as client, {MOMENT + n} as moment, 'popup_behaviour' as model, {version} as version, {score} as score, "
    f"{threshold} as threshold, '{action}' as action, {campaign} as campaign, {channel} as channel, "
    f"'told' as reason, {probability} as action_probability, "
    f"'4' as shadow_version, {shadow} as shadow_score, {threshold} as shadow_threshold, "
    f"{MOMENT} + {n} as shown_at, {NO_TIME} as closed_at, {MOMENT} as clicked_at, {NO_TIME} as converted_at"
    for n, (name, user, version, score, threshold, action, campaign, channel, probability, shadow) in enumerate(
        (
            ("d1", "7.7", "'3'", "6e-1", "5e-1", "show", "'basket'", "'embed'", "1e0", "4e-1"),
            ("d2", "7.7", "'3'", "6e-1", "5e-1", "nothing", NO_TEXT, NO_TEXT, "1e-1", NO_NUMBER),
            ("d3", "(erased)", "'3'", "5e-1", "5e-1", "show", NO_TEXT, NO_TEXT, "1e0", "5e-1"),
            ("d4", "nobody", NO_TEXT, NO_NUMBER, NO_NUMBER, "nothing", NO_TEXT, NO_TEXT, "1e0", NO_NUMBER),
        )
    )
)

Row = tuple["Cell", ...]


@dataclass(frozen=True)
class Run:
    """The days that a run builds, and the conversion it is told."""

    first: date
    last: date
    conversion_event: str


@dataclass(frozen=True)
class Content:
    """What a table holds: its columns with GoogleSQL's types, and its rows."""

    columns: tuple[tuple[str, str], ...]
    rows: tuple[Row, ...]


@dataclass(frozen=True)
class Compared:
    """A model as declared, and as each engine built it."""

    model: Model
    duckdb: Content
    googlesql: Content


RUNS = {
    "all days": Run(LONG_AGO, LAST, "popup_submit"),
    "three days again": Run(date(2026, 3, 28), date(2026, 3, 30), "add_to_cart"),
}


@pytest.fixture(scope="module")
def engine() -> "Engine":
    pytest.importorskip("zetasql", reason="the extra `googlesql` is not installed")
    from tests.dbt_project.googlesql import Engine

    return Engine()


@pytest.fixture(scope="module")
def days() -> dict[date, pa.Table]:
    real = shop_days.real(SAMPLE) if SAMPLE.is_dir() else ()
    return shop_days.by_day(chain(shop_days.hand_made(), real))


@pytest.fixture(scope="module")
def compared(
    engine: "Engine", days: dict[date, pa.Table], tmp_path_factory: pytest.TempPathFactory
) -> dict[tuple[str, str], Compared]:
    """Each model after each run, the second of which rebuilds some days of what the first built."""
    from tests.dbt_project.googlesql import Table, wildcard

    home = tmp_path_factory.mktemp("home")
    _land(days, home)
    with duckdb.connect(home / "warehouse.duckdb") as warehouse:
        warehouse.execute("create schema tactful")
        for place, said in SAID.items():
            warehouse.execute(f"create table tactful.{place} as {said}")
    tables = {
        "project.analytics_property.events_*": wildcard(_exported(days)),
        **{f"project.tactful.{place}": engine.query(said, {}) for place, said in SAID.items()},
    }
    found = {}
    for name, run in RUNS.items():
        settings = Settings(home=home, time_zone=ZONE.key, conversion_event=run.conversion_event)
        stated = variables(settings, run.first, run.last, run.last)
        on_duckdb = _build(settings, stated)
        for model_name, model in compile_models(tmp_path_factory.mktemp("bigquery"), stated).items():
            table = engine.query(model.as_contracted, tables)
            if model.day and (before := tables.get(f"project.tactful.{model_name}")):
                table = Table(table.columns, before.outside(model.day, run.first, run.last).rows + table.rows)
            tables[f"project.tactful.{model_name}"] = table
            googlesql = Content(tuple(zip(table.names, table.types, strict=True)), tuple(table.values()))
            found[name, model_name] = Compared(model, on_duckdb[model_name], googlesql)
    return found


def _land(days: dict[date, pa.Table], home: Path) -> None:
    landing = Landing(home / "ga4_export", ZONE, timedelta(hours=Settings(home=home).export_delay_hours))
    for day, events in days.items():
        file = home / f"events_{day:%Y%m%d}"  # as BigQuery calls the table
        pq.write_table(events, file)
        landing.land(day, [file], NOW)


def _exported(days: dict[date, pa.Table]) -> dict[str, pa.Table]:
    """The export's tables by the end of their name; a day's intraday table can stand beside the daily one."""
    daily = {f"{day:%Y%m%d}": events for day, events in days.items()}
    return {**daily, "intraday_20260329": daily["20260329"]}


def _build(settings: Settings, stated: str) -> dict[str, Content]:
    outcome = subprocess.run(
        [
            *(Path(sys.executable).with_name("dbt"), "build", "--exclude", "resource_type:unit_test"),
            *("--project-dir", DBT_PROJECT, "--profiles-dir", DBT_PROJECT, "--vars", stated),
            *("--target-path", settings.home / "target", "--log-path", settings.home / "logs"),
        ],
        env=environment(settings),
        capture_output=True,
        text=True,
        check=False,
    )
    assert outcome.returncode == 0, outcome.stdout
    with duckdb.connect(settings.home / "warehouse.duckdb", read_only=True) as warehouse:
        return {model: _content(warehouse.table(f"tactful.{model}")) for model in MODELS}


def _content(table: duckdb.DuckDBPyRelation) -> Content:
    types = (TYPES[str(type_)] for type_ in table.types)
    return Content(tuple(zip(table.columns, types, strict=True)), tuple(table.fetchall()))


@pytest.mark.parametrize("run", RUNS)
@pytest.mark.parametrize("model", MODELS)
def test_a_model_holds_the_same_on_both_engines(
    model: str, run: str, compared: dict[tuple[str, str], Compared]
) -> None:
    found = compared[run, model]

    assert found.duckdb.columns == found.model.columns
    assert found.googlesql.columns == found.model.columns
    assert found.googlesql.rows
    assert list(_differences(found)) == []


def _differences(found: Compared) -> Iterator[str]:
    here, there = _in_order(found.duckdb.rows), _in_order(found.googlesql.rows)
    if len(here) != len(there):
        yield f"{len(here)} rows on DuckDB, {len(there)} on GoogleSQL"
    for one, other in zip(here, there, strict=False):
        for (name, _), left, right in zip(found.model.columns, one, other, strict=True):
            if name not in DUCKDB_ALONE and not _same(left, right):
                yield f"{name} of {one[:3]}: {left!r} on DuckDB, {right!r} on GoogleSQL"


def _in_order(rows: Iterable[Row]) -> list[Row]:
    """By everything that is compared exactly, so that a float's last digits put no two rows in another order."""
    return sorted(rows, key=lambda row: (*(repr(cell) for cell in row if not isinstance(cell, float)), repr(row)))


def _same(left: "Cell", right: "Cell") -> bool:
    if isinstance(left, float) and isinstance(right, float):
        return math.isclose(left, right, rel_tol=1e-9)
    return type(left) is type(right) and left == right


def test_real_rows_are_among_those_compared(ga4_sample: Path, compared: dict[tuple[str, str], Compared]) -> None:
    users = {row["user_pseudo_id"] for row in shop_days.real(ga4_sample)}
    place = dict.fromkeys(name for name, _ in compared["all days", "dim_users"].model.columns)
    known = {row[list(place).index("user_pseudo_id")] for row in compared["all days", "dim_users"].googlesql.rows}

    assert len(users & known) > 100
