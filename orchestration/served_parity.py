"""The gate between warehouse and service: what would have been served on a day is what models learn of it."""

from collections.abc import Mapping, Sequence
from datetime import date, timedelta

import dagster as dg
import numpy as np
import pandas as pd

from feature_repo.contract import FEATURE_AT
from feature_repo.offline import MOMENT
from ml.specs import POPUP_BEHAVIOUR
from orchestration import feature_rows
from orchestration.partitions import days_of
from orchestration.resources import (
    TABLES,
    WAREHOUSE_POOL,
    FeatureStoreResource,
    WarehouseResource,
    names,
)

MOST_MOMENTS = 5_000
"""Of a day with more, users are drawn by hash until about as many are left."""

A_DAY = timedelta(days=1)
_READ = [table for table in TABLES if table.features_of(POPUP_BEHAVIOUR.name)]
_LOOKED_UP = [
    table for table in _READ if any(column.rule is None for column in table.features_of(POPUP_BEHAVIOUR.name))
]
"""The tables that the model reads and that no event of the session changes."""

_HEARD = [table for table in _READ if table not in _LOOKED_UP]
"""Those that say nothing but what the service hears of the session itself."""

_MOMENTS = """
    select session_key, user_pseudo_id, feature_at as event_timestamp, known_at
    from fct_session_activity
    where session_date = date '{day}'
    order by feature_at, session_key
"""
_EVENTS = """
    select session_key, event_name, event_timestamp
    from int_events_sessionized
    where session_date = date '{day}'
    order by event_timestamp
"""


@dg.asset_check(
    asset=f"{POPUP_BEHAVIOUR.name}_training_set",
    blocking=True,
    pool=WAREHOUSE_POOL,
    description="At each decision moment of the newest day, the service's own vector equals the offline row.",
)
def served_equals_offline(
    context: dg.AssetCheckExecutionContext, warehouse: WarehouseResource, feature_store: FeatureStoreResource
) -> dg.AssetCheckResult:
    """A day is lived through again: what the service would have been told and looked up, moment by moment."""
    from ml.datasets import features_of
    from serving import parity

    day = days_of(context)[-1]
    moments = warehouse.query(_MOMENTS.format(day=day))
    drawn = _drawn(moments, day)
    known = {
        table.view: feature_rows.known_then(warehouse, table, drawn, day - table.ttl - A_DAY, day) for table in _READ
    }
    counts = [feature_rows.count_versions(warehouse, table, drawn, day, day) for table in _HEARD]
    events = warehouse.query(_EVENTS.format(day=day))
    is_comparable = _is_comparable(drawn, known, counts) & parity.is_alone(drawn, events)
    compared = drawn[is_comparable].reset_index(drop=True)
    known = {view: rows[is_comparable].reset_index(drop=True) for view, rows in known.items()}
    features = features_of(TABLES, POPUP_BEHAVIOUR.name)
    served = parity.serve(features, compared, events, known)
    found = parity.compare(features, served, _offline(feature_store, compared))
    return dg.AssetCheckResult(
        passed=found.different == 0,
        metadata={
            "day": day.isoformat(),
            "moments": len(moments),
            "rows_compared": found.rows,
            "rows_left_out": len(drawn) - len(compared),
            "rows_different": found.different,
            "features_different": names(found.features),
            "first_differences": names(found.examples),
        },
    )


def _drawn(moments: pd.DataFrame, day: date) -> pd.DataFrame:
    """All moments of users who are drawn by hash where there are more than MOST_MOMENTS; else all."""
    from serving.traffic import is_in_share

    if len(moments) <= MOST_MOMENTS:
        return moments
    share = MOST_MOMENTS / len(moments)
    is_drawn = {user: is_in_share(user, str(day), share) for user in moments["user_pseudo_id"].unique()}
    return moments[moments["user_pseudo_id"].map(is_drawn)].reset_index(drop=True)


def _is_comparable(
    moments: pd.DataFrame, known: Mapping[str, pd.DataFrame], counts: Sequence[Sequence[int]]
) -> pd.Series:
    """Whether it is known what the service was told.

    Of an act that came late nobody knows when it was heard. What was corrected since was heard otherwise: by `counts`,
    such a row has more than one version, or was none then. Of a session that is older than its profile may be, the
    visitor's browser still knows what no row tells.
    """
    comparable = moments["known_at"] <= moments[MOMENT]
    for table, versions in zip(_HEARD, counts, strict=True):
        comparable &= (known[table.view][FEATURE_AT] == moments[MOMENT]) & (np.array(versions) == 1)
    for table in _LOOKED_UP:
        if table.join_key == "session_key":
            comparable &= ~(moments[MOMENT] - known[table.view][FEATURE_AT] > table.ttl)
    return comparable


def _offline(feature_store: FeatureStoreResource, moments: pd.DataFrame) -> pd.DataFrame:
    """The rows that models would learn from, in the order of `moments`."""
    asked = moments[["session_key", "user_pseudo_id", MOMENT]].assign(place=range(len(moments)))
    joined = feature_rows.training_frame(feature_store, POPUP_BEHAVIOUR.feature_service, asked)
    return joined.sort_values("place", ignore_index=True)
