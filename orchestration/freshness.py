"""How old what people rely on may be, before Dagster's pages say that it is stale."""

from datetime import timedelta

import dagster as dg

from orchestration.soundness import IN_A_REGISTRY

_DAILY = dg.FreshnessPolicy.time_window(warn_window=timedelta(hours=30), fail_window=timedelta(hours=54))
"""Built every day; a day may come late, and one may be given up."""

_WEEKLY = dg.FreshnessPolicy.time_window(warn_window=timedelta(days=8), fail_window=timedelta(days=15))
"""Learnt every week; one week may be left out."""

_DAILY_ASSETS = ("feature_drift", "live_decision", "champion_guard")


def promised(spec: dg.AssetSpec) -> dg.AssetSpec:
    """The asset with the freshness it promises, if it does: what is read online and reports by day, models by week."""
    policy = _policy(spec)
    if policy is None:
        return spec
    promising: dg.AssetSpec = dg.apply_freshness_policy(spec, policy)
    return promising


def _policy(spec: dg.AssetSpec) -> dg.FreshnessPolicy | None:
    if spec.key.path[0] == "online_store" or spec.key.path[-1] in _DAILY_ASSETS:
        return _DAILY
    return _WEEKLY if IN_A_REGISTRY in spec.kinds else None
