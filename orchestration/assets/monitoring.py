"""Monitoring: how far the newest week has moved from the days that models learnt from."""

from collections.abc import Sequence
from datetime import datetime, time, timedelta
from typing import TYPE_CHECKING, Any

import dagster as dg
import pandas as pd

from feature_repo import contract
from feature_repo.contract import Column
from ml.specs import POPUP_BEHAVIOUR
from orchestration.assets.features import published_tables
from orchestration.assets.models import models, training_set_file, training_sets
from orchestration.resources import (
    ALL_DAYS,
    OWNERS,
    SETTINGS,
    SOURCE,
    TABLES,
    WAREHOUSE_POOL,
    RegistryResource,
    ReportsResource,
    WarehouseResource,
    names,
)

if TYPE_CHECKING:
    from ml.bundle import Bundle
    from ml.drift_verdict import DriftReport
    from ml.registry import Registry
    from ml.versions import ChampionVersion
    from ml.watched import Answers

GROUP = "monitoring"
_FOLDER = "drift"
# each table has its own condition on the day, since BigQuery asks one of each
_SESSIONS = f"""
    select session_date, user_pseudo_id, {{features}}
    from (select * from fct_session_profile where session_date {ALL_DAYS}) as profile
    inner join (select * from fct_session_activity where session_date {ALL_DAYS} and is_exit) as activity
        using (session_key, user_pseudo_id, session_date)
"""


@dg.asset(
    deps=[
        *published_tables,
        training_sets[POPUP_BEHAVIOUR.name],
        *(model for model in models if POPUP_BEHAVIOUR.name in model.key.path),
    ],
    group_name=GROUP,
    kinds={"evidently"},
    owners=OWNERS,
    pool=WAREHOUSE_POOL,
)
def feature_drift(
    context: dg.AssetExecutionContext,
    warehouse: WarehouseResource,
    registry: RegistryResource,
    reports: ReportsResource,
) -> dg.MaterializeResult:
    """Drift of the newest week: sessions, the champion's scores, answers and calibration, against chance."""
    from ml import drift
    from ml.after_drift import usual_days
    from ml.drift_verdict import DriftPolicy
    from ml.reference import compared_days
    from ml.watched import DAY, DriftColumns, Watched

    columns = _columns()
    sessions = warehouse.query(_SESSIONS.format(features=", ".join(column.name for column in columns)))
    sessions[DAY] = pd.to_datetime(sessions[DAY]).dt.date
    store = registry.open()
    version = store.champion(POPUP_BEHAVIOUR.name)
    champion = _read(context, store, version)
    days = compared_days(set(sessions[DAY]), SOURCE.last, SETTINGS.peaks, usual_days(version) if champion else None)
    watched = Watched(
        sessions,
        DriftColumns(
            numeric=[column.name for column in columns if column.data_type in ("int64", "float64")],
            categorical=[column.name for column in columns if column.data_type in ("string", "bool")],
        ),
        _answers(champion),
    )
    report, verdict = drift.report_on(watched, days, DriftPolicy(), reports.path(_FOLDER, drift.INDEX).parent)
    return dg.MaterializeResult(
        metadata={
            "verdict": str(verdict.verdict),
            "reason": verdict.reason,
            "window": days.span,
            "drifted": names(verdict.drifted),
            **_measured(report),
            "report": reports.link(_FOLDER, drift.INDEX),
        }
    )


def _columns() -> Sequence[Column]:
    """The features of sessions that the pop-up model reads."""
    return [
        column
        for table in TABLES
        if table.entity == "session"
        for column in table.features_of(POPUP_BEHAVIOUR.name)
        # of many rare levels, chance alone makes a high index; the region tells where visitors are
        if column.place != "city"
    ]


def _read(
    context: dg.AssetExecutionContext, registry: "Registry", champion: "ChampionVersion | None"
) -> "Bundle | None":
    """The champion's bundle, if it can be read, reads features as described now and expects the same event."""
    from ml import trial
    from ml.bundle import BundleError
    from ml.registry import RegistryError

    if champion is None:
        return None
    try:
        read = trial.load(registry, champion)
    except (BundleError, RegistryError) as damaged:
        context.log.warning(f"Scores are not watched. {damaged}")
        return None
    stated = read.header.contract_checksum, read.header.conversion_event
    return read if stated == (contract.checksum(TABLES), SETTINGS.conversion_event) else None


def _answers(champion: "Bundle | None") -> "Answers | None":
    """The decisions whose answer is known; None where nobody was asked."""
    from ml.watched import Answers

    frame = pd.read_parquet(training_set_file(POPUP_BEHAVIOUR.name))
    if frame.empty:
        return None
    ends = pd.Timestamp(datetime.combine(SOURCE.last + timedelta(days=1), time(), SETTINGS.zone))
    score = champion.score if champion else None
    return Answers.settled(frame, POPUP_BEHAVIOUR.label, POPUP_BEHAVIOUR.horizon, ends, score)


def _measured(report: "DriftReport") -> dict[str, Any]:
    """The figures of a report, as metadata."""
    ratios = {"label_rate": report.label_rate, "calibration": report.calibration}
    return {
        "unmeasured": names(report.unmeasured),
        "rows_reference": report.reference_rows,
        "rows_current": report.current_rows,
        "weeks_reference": report.weeks,
        "p_value": report.p_value,
        "psi": dg.JsonMetadataValue({column.column: round(column.psi, 4) for column in report.columns}),
        "thresholds": dg.JsonMetadataValue({column.column: round(column.threshold, 4) for column in report.columns}),
        "p_values": dg.JsonMetadataValue({column.column: column.p_value for column in report.columns}),
        "new_levels": dg.JsonMetadataValue({name: dict(levels) for name, levels in report.new_levels.items()}),
        "ratios": dg.JsonMetadataValue(
            {name: {"before": of.before, "after": of.after} for name, of in ratios.items() if of}
        ),
    }
