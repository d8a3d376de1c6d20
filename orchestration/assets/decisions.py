"""Decisions: what the service has put on record, and the service itself, tried on a visitor of the last day."""

import json
from collections.abc import Iterator, Sequence
from datetime import date
from typing import Any

import dagster as dg
import pandas as pd

from feature_repo.contract import FeatureTable
from ml.specs import POPUP_BEHAVIOUR
from orchestration.assets.features import SAID_BY_MODELS, online_tables
from orchestration.assets.models import models
from orchestration.partitions import DAILY, IN_ONE_RUN, days_of, is_rebuild
from orchestration.resources import ALL_DAYS, OWNERS, SETTINGS, TABLES, WAREHOUSE_POOL, WarehouseResource

GROUP = "decisions"

_LAST_MOMENT = f"""
    select session_key, user_pseudo_id
    from fct_session_activity
    where session_date {ALL_DAYS} and is_exit and activity_index between 4 and 500
    order by feature_at desc, session_key
    limit 1
"""
_EVENTS = f"""
    select event_name, event_timestamp
    from int_events_sessionized
    where session_date {ALL_DAYS} and session_key = $session_key and activity_index is not null
    order by activity_index
"""
_NEWEST = f"select max(known_at) as known_at from fct_user_features where feature_date {ALL_DAYS}"
_DAY = "decision_date"
_NOT_COPIED = ("decided_at", "request", "features", "feature_status", "features_missing", "digest", "shadow_digest")
"""What the table leaves to the files."""


@dg.asset(
    # dbt makes the table that the days are copied to
    deps=[dg.AssetKey("fct_sessions")],
    group_name=SAID_BY_MODELS,
    kinds={"sqlite", "parquet", "bigquery" if SETTINGS.profile == "gcp" else "duckdb"},
    owners=OWNERS,
    partitions_def=DAILY,
    backfill_policy=IN_ONE_RUN,
    pool=WAREHOUSE_POOL,
)
def decision_log(context: dg.AssetExecutionContext, warehouse: WarehouseResource) -> dg.MaterializeResult:
    """The decisions on record by the day of their moment, with shadow scores and rewards: a file a day, and a table."""
    table, folder = decision_log.key.path[-1], SETTINGS.home / "decision_log"
    if is_rebuild(context):
        warehouse.forget(table)
    counts = {}
    for day, rows in _copied(days_of(context)):
        warehouse.replace_day(table, _DAY, day, rows)
        counts[day.isoformat()] = len(rows)
    return dg.MaterializeResult(
        metadata={"dagster/row_count": sum(counts.values()), "days": counts, "folder": dg.MetadataValue.path(folder)}
    )


def _copied(days: Sequence[date]) -> Iterator[tuple[date, pd.DataFrame]]:
    """Each of `days` that has decisions, with what the table holds of them; a file holds all."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    from serving.decision_log import SCHEMA, days_decided, export_day
    from tactful.stores import decision_record

    record = decision_record(SETTINGS)
    decided = days_decided(record, SETTINGS.zone)
    first, last = decided or (date.max, date.min)
    for day in days:
        if first <= day <= last:
            file = SETTINGS.home / "decision_log" / f"{day}.parquet"
            export_day(record, day, SETTINGS.zone, file)
            rows = pq.read_table(file, columns=[name for name in SCHEMA.names if name not in _NOT_COPIED])
            dated = rows.append_column(_DAY, pa.array([day] * len(rows), pa.date32()))
            yield day, dated.to_pandas(types_mapper=pd.ArrowDtype)


@dg.asset(
    deps=[*models, *online_tables],
    group_name=GROUP,
    kinds={"python", "sqlite"},
    owners=OWNERS,
    pool=WAREHOUSE_POOL,
)
def live_decision(warehouse: WarehouseResource) -> dg.MaterializeResult:
    """One decision of the decision service, asked for the last visitor who left, and put on record as any other."""
    from serving.main import ask_once

    request = _request(warehouse)
    answer, seconds = ask_once(SETTINGS, request)
    return dg.MaterializeResult(
        metadata={
            **{name: value for name, value in answer.items() if isinstance(value, str | float | bool | int)},
            "answer": dg.JsonMetadataValue(answer),
            "milliseconds": seconds * 1000,
        }
    )


def _request(warehouse: WarehouseResource) -> dict[str, Any]:
    """The session as if it were had again once the last day's features are online: history never looks ahead."""
    moments = warehouse.query(_LAST_MOMENT)
    if moments.empty:
        raise dg.Failure("No session has four acts: there is no visitor to decide about.", allow_retries=False)
    moment = moments.iloc[0]
    events = warehouse.query(_EVENTS, {"session_key": moment["session_key"]})
    now = int(warehouse.query(_NEWEST)["known_at"].astype("datetime64[us]").astype("int64").iloc[0])
    events["event_timestamp"] += now - events["event_timestamp"].max()
    return {
        "model": POPUP_BEHAVIOUR.name,
        "user_pseudo_id": moment["user_pseudo_id"],
        "at": now,
        "profile": _profile(warehouse, moment["session_key"]),
        "events": events.to_dict("records"),
    }


def _profile(warehouse: WarehouseResource, session_key: str) -> dict[str, Any]:
    """What is known of a session at its start: the features of session tables that no event changes."""
    profile: dict[str, Any] = {}
    for table in TABLES:
        if names := _unruled(table):
            rows = warehouse.query(
                f"select {', '.join(names)} from {table.name} where {table.day} {ALL_DAYS} and session_key = $key",
                {"key": session_key},
            )
            profile |= json.loads(rows.iloc[0].to_json())
    return profile


def _unruled(table: FeatureTable) -> list[str]:
    if table.join_key != "session_key":
        return []
    return [column.name for column in table.features_of(POPUP_BEHAVIOUR.name) if column.rule is None]
