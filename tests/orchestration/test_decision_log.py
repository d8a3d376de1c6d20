"""The decisions on record, copied by day for the warehouse."""

import re
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import dagster as dg
import duckdb
import msgspec
import pyarrow.parquet as pq
import pytest

from serving import audit_erasure
from serving.audit import AuditLog, ShadowScore
from tactful.dbt import DBT_PROJECT
from tests.serving.test_audit import DECISION

if TYPE_CHECKING:
    from orchestration.resources import WarehouseResource

MACROS = DBT_PROJECT / "macros" / "materialization" / "model_tables.sql"
FIRST = date(2026, 1, 5)


def at(day: date, hour: int = 12) -> int:
    return int(datetime(day.year, day.month, day.day, hour, tzinfo=UTC).timestamp()) * 1_000_000


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    from orchestration.resources import SETTINGS

    moved = SETTINGS.model_copy(update={"home": tmp_path})
    monkeypatch.setattr("orchestration.assets.decisions.SETTINGS", moved)
    return tmp_path


@pytest.fixture
def warehouse(home: Path) -> "WarehouseResource":
    """A warehouse with the table that dbt's macro would make."""
    from orchestration.resources import WarehouseResource

    (macro,) = re.findall(r"macro create_decision_log\(\)(.*?)endmacro", MACROS.read_text(), re.DOTALL)
    columns, *_ = re.split(r" -%", "".join(re.findall(r"'([^']*)'", macro.partition("-%}\n    {{")[0])))
    with duckdb.connect(str(home / "warehouse.duckdb")) as connection:
        connection.execute("create type float64 as double; create schema tactful")
        connection.execute(f"create table tactful.decision_log ({columns})")
    return WarehouseResource(home=str(home), path=str(home / "warehouse.duckdb"))


def copied(warehouse: "WarehouseResource", first: date = FIRST, last: date = FIRST + timedelta(days=13)) -> Any:
    """Copies the days; gives the metadata and the rows of the table."""
    from orchestration.assets.decisions import decision_log
    from orchestration.partitions import range_tags

    done = dg.materialize([decision_log], resources={"warehouse": warehouse}, tags=range_tags(first, last))
    told, *_ = done.asset_materializations_for_node("decision_log")
    rows = warehouse.query("select * from decision_log order by moment").to_dict("records")
    return {name: entry.value for name, entry in told.metadata.items()}, rows


def test_where_nobody_decided_there_are_no_rows(warehouse: "WarehouseResource") -> None:
    told, rows = copied(warehouse)
    assert (told["dagster/row_count"], told["days"], rows) == (0, {}, [])


def test_days_are_copied_with_what_was_said_beside_them_and_again_without_doubling(
    warehouse: "WarehouseResource", home: Path
) -> None:
    moments = {"d1": at(FIRST), "d2": at(FIRST, 23), "d3": at(FIRST + timedelta(days=2)), "later": at(date(2026, 2, 1))}
    decisions = [msgspec.structs.replace(DECISION, decision_id=name, moment=moment) for name, moment in moments.items()]
    record = home / "decisions" / "decisions.sqlite"
    with AuditLog(record) as log:
        log.append(decisions, [ShadowScore("d2", "4", "4" * 64, None, 0.5)])

    told, rows = copied(warehouse)
    assert told["days"] == {
        "2026-01-05": 2,
        "2026-01-06": 0,
        "2026-01-07": 1,
        **{f"2026-01-{n:02}": 0 for n in range(8, 19)},
    }
    assert [row["decision_id"] for row in rows] == ["d1", "d2", "d3"]
    assert rows[1]["shadow_version"] == "4"
    assert rows[0]["moment"] == moments["d1"]
    assert f"{rows[0]['decision_date']:%Y-%m-%d}" == "2026-01-05"

    audit_erasure.erase(record, ["u1"])
    _, again = copied(warehouse, FIRST, FIRST)
    assert [row["user_pseudo_id"] for row in again] == ["(erased)", "(erased)", "u1"]
    file = home / "decision_log" / "2026-01-05.parquet"
    assert pq.read_table(file)["features"].to_pylist() == ["{}", "{}"]
