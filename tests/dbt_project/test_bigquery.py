"""The models compile for BigQuery, with no account and no network; a run of one day reads and writes few partitions."""

import json
from collections.abc import Iterator
from datetime import date, datetime, timedelta
from pathlib import Path

import pytest
import sqlglot
from sqlglot import exp

from tests.dbt_project.bigquery import MODELS, Model, compile_inline, compile_models

DUCKDB_ONLY = ("list_transform", "list_position", "read_parquet", "arg_min", "make_timestamp", "strptime", "try_cast")
DAY = date(2026, 3, 29)
EVER = date(1970, 1, 1)

# what a run of one day reads of each daily table: days before it, days after it; None: without end
SPANS: dict[str, dict[str, set[tuple[int | None, int | None]]]] = {
    "stg_ga4__events": {"events_*": {(0, 0)}},
    "stg_ga4__event_items": {"events_*": {(0, 0)}},
    "stg_ga4__source_files": {"events_*": {(0, 0)}, "stg_ga4__events": {(0, 0)}},
    # purchases are remembered, to know one that is told again
    "int_events_sessionized": {"stg_ga4__events": {(1, 1), (29, 1)}},
    "int_user_days": {"int_events_sessionized": {(1, 0)}},
    "fct_sessions": {"int_events_sessionized": {(0, 0)}},
    "fct_purchases": {"int_events_sessionized": {(0, 0)}},
    "fct_popup_impressions": {"int_events_sessionized": {(0, 0)}},
    "fct_session_profile": {"int_events_sessionized": {(0, 0)}},
    "fct_session_activity": {"int_events_sessionized": {(0, 0)}},
    "fct_user_features": {"int_user_days": {(27, 0)}},
    "fct_user_behaviour": {"int_user_days": {(27, 0)}},
    "fct_user_segments": {"user_segment_labels": {(0, 0)}},
    "fct_user_scores": {"user_model_scores": {(0, 0)}},
    "stg_decisions": {"decision_log": {(0, 0)}},
    # a session may have begun on the day before
    "fct_decisions": {"stg_decisions": {(0, 0)}, "fct_sessions": {(1, 0)}},
    "fct_decision_kpis": {"fct_decisions": {(0, 0)}},
    "fct_decision_labels": {"int_events_sessionized": {(0, 0)}, "fct_popup_impressions": {(0, 0)}},
    "fct_daily_kpis": {"fct_sessions": {(0, 0)}},
    "fct_daily_funnel": {"fct_sessions": {(0, 0)}},
    # these are built whole
    "fct_purchase_labels": {"int_user_days": {(None, None)}, "fct_purchases": {(None, None)}},
    "fct_stage_labels": {"int_user_days": {(None, None)}, "int_events_sessionized": {(None, None)}},
    "fct_churn_labels": {"int_user_days": {(None, None)}, "fct_sessions": {(None, None)}},
    "dim_items": {"stg_ga4__event_items": {(None, None)}},
    "dim_users": {"fct_sessions": {(None, None)}},
}
MERGE = """{{ bq_generate_incremental_build_sql(
    'insert_overwrite',
    api.Relation.create(database='project', schema='tactful', identifier='built'), ref('fct_sessions'), '', none,
    adapter.parse_partition_by({'field': 'session_date', 'data_type': 'date'}), none,
    [api.Column('session_key', 'string')], true, false, none
) }}"""
ONE_DAY = json.dumps({"first_day": DAY.isoformat(), "last_day": DAY.isoformat()})


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("bigquery")


@pytest.fixture(scope="module")
def compiled(folder: Path) -> dict[str, Model]:
    """Each model as a run of one day has it."""
    return compile_models(folder, ONE_DAY)


def test_every_model_compiles(compiled: dict[str, Model]) -> None:
    assert set(compiled) == set(MODELS)


def test_nothing_is_left_that_duckdb_alone_knows(compiled: dict[str, Model]) -> None:
    found = {(name, word) for name, model in compiled.items() for word in DUCKDB_ONLY if word in model.sql}

    assert found == set()


@pytest.mark.parametrize("name", MODELS)
def test_a_run_of_a_day_reads_the_partitions_it_needs(name: str, compiled: dict[str, Model]) -> None:
    partitions = {
        "events_*": "_table_suffix",
        **dict.fromkeys(("user_segment_labels", "user_model_scores"), "feature_date"),
        "decision_log": "decision_date",
        **{other: model.day for other, model in compiled.items() if model.day},
    }
    spans: dict[str, set[tuple[int | None, int | None]]] = {}
    for select in sqlglot.parse_one(compiled[name].sql, dialect="bigquery").find_all(exp.Select):
        for table in _tables(select):
            spans.setdefault(table.name, set()).add(_span(select, table.alias_or_name, partitions[table.name]))

    assert spans == SPANS[name]


def _tables(select: exp.Select) -> Iterator[exp.Table]:
    """The tables of the warehouse that `select` itself reads, not those of the queries within it."""
    sources = [select.args.get("from_"), *select.args.get("joins", ())]
    return (source.this for source in sources if source and isinstance(source.this, exp.Table) and source.this.catalog)


def _span(select: exp.Select, table: str, partition: str | None) -> tuple[int | None, int | None]:
    """How many days before and after DAY the constant bounds on `partition` let `select` read; None: without end."""
    names = ((partition, ""), (partition, table))
    where = select.args.get("where")
    bounds = [
        _bounds(condition)
        for condition in (_conjuncts(where.this) if where else ())
        if isinstance(column := condition.this, exp.Column) and (column.name, column.table) in names
    ]
    assert bounds, f"no bound on {partition} of {table}"
    first, last = max(first for first, _ in bounds), min(last for _, last in bounds)
    return None if first <= EVER else (DAY - first).days, None if last == date.max else (last - DAY).days


def _conjuncts(condition: exp.Expression) -> Iterator[exp.Expression]:
    """The conditions all of which must hold."""
    if isinstance(condition, exp.And):
        yield from (*_conjuncts(condition.left), *_conjuncts(condition.right))
    else:
        yield condition


def _bounds(condition: exp.Expression) -> tuple[date, date]:
    if isinstance(condition, exp.Between):
        return _constant(condition.args["low"]), _constant(condition.args["high"])
    if isinstance(condition, exp.GTE):
        return _constant(condition.expression), date.max
    if isinstance(condition, exp.LTE):
        return date.min, _constant(condition.expression)
    if isinstance(condition, exp.EQ):
        return (_constant(condition.expression),) * 2
    raise AssertionError(f"{condition.sql('bigquery')} bounds no partitions that are known before the query runs")


def _constant(expression: exp.Expression) -> date:
    match expression:
        case exp.TimeToStr() | exp.TsOrDsToDate() | exp.Paren():
            return _constant(expression.this)
        case exp.Cast():
            return datetime.strptime(expression.this.name, "%Y-%m-%d").date()
        case exp.DateAdd():
            return _constant(expression.this) + timedelta(days=int(expression.expression.name))
    raise AssertionError(f"{expression.sql('bigquery')} is not known before the query runs")


@pytest.mark.parametrize("name", MODELS)
def test_a_daily_table_is_partitioned_by_its_day_and_asks_for_it(name: str, compiled: dict[str, Model]) -> None:
    model = compiled[name]
    keys = {column for column, _ in model.columns} & {"session_key", "user_pseudo_id", "item_id"}

    if model.day is None:
        assert model.config["materialized"] == "table"
        return
    assert model.config["partition_by"] == {"field": model.day, "data_type": "date"}
    assert model.config["require_partition_filter"] is True
    assert set(model.config.get("cluster_by") or ()) <= keys
    assert bool(model.config.get("cluster_by")) == bool(keys)


def test_a_run_replaces_all_days_it_builds_also_those_left_without_rows(folder: Path) -> None:
    merge = compile_inline(folder, ONE_DAY, MERGE)

    deleted = merge[merge.index("when not matched by source") : merge.index("then delete")]
    assert "session_date) in (" in deleted
    assert f"date '{DAY}'" in deleted
    assert "dbt_partitions_for_replacement" not in merge
