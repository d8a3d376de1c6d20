"""Monitoring: how far the newest week has moved from the days that models learnt from."""

from datetime import timedelta

import dagster as dg

from ml.specs import POPUP_BEHAVIOUR
from orchestration.assets.features import published_tables
from orchestration.resources import (
    ALL_DAYS,
    OWNERS,
    SOURCE,
    TABLES,
    WAREHOUSE_POOL,
    ReportsResource,
    WarehouseResource,
    names,
)

GROUP = "monitoring"
WINDOW = timedelta(days=7)
_PAGE = ("drift", "index.html")
# each table has its own condition on the day, since BigQuery asks one of each
_SESSIONS = f"""
    select session_date, {{features}}
    from (select * from fct_session_profile where session_date {ALL_DAYS}) as profile
    inner join (select * from fct_session_activity where session_date {ALL_DAYS} and is_exit) as activity
        using (session_key, user_pseudo_id, session_date)
"""


@dg.asset(deps=published_tables, group_name=GROUP, kinds={"evidently"}, owners=OWNERS, pool=WAREHOUSE_POOL)
def feature_drift(warehouse: WarehouseResource, reports: ReportsResource) -> dg.MaterializeResult:
    """Drift of the newest week's sessions against all days before it, by population stability index."""
    from ml import drift

    columns = [
        column
        for table in TABLES
        if table.entity == "session"
        for column in table.features_of(POPUP_BEHAVIOUR.name)
        # of many rare levels, chance alone makes a high index; the region tells where visitors are
        if column.place != "city"
    ]
    sessions = warehouse.query(_SESSIONS.format(features=", ".join(column.name for column in columns)))
    is_new = sessions["session_date"].dt.date > SOURCE.last - WINDOW
    policy = drift.DriftPolicy()
    report = drift.measure(
        sessions[~is_new],
        sessions[is_new],
        drift.DriftColumns(
            numeric=[column.name for column in columns if column.data_type in ("int64", "float64")],
            categorical=[column.name for column in columns if column.data_type in ("string", "bool")],
        ),
        policy,
        reports.path(*_PAGE),
    )
    verdict = drift.judge(report, policy)
    return dg.MaterializeResult(
        metadata={
            "verdict": str(verdict.verdict),
            "reason": verdict.reason,
            "window": f"{SOURCE.last - WINDOW + timedelta(days=1)} to {SOURCE.last}",
            "drifted": names(verdict.drifted),
            "unmeasured": names(report.unmeasured),
            "rows_reference": report.reference_rows,
            "rows_current": report.current_rows,
            "psi": dg.JsonMetadataValue({column.column: round(column.psi, 4) for column in report.columns}),
            "new_levels": dg.JsonMetadataValue(
                {column.column: list(column.new_levels) for column in report.columns if column.new_levels}
            ),
            **({"report": reports.link(*_PAGE)} if report.columns else {}),
        }
    )
