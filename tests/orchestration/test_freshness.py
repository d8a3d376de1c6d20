from datetime import timedelta

import dagster as dg


def test_what_people_rely_on_says_when_it_is_stale() -> None:
    from orchestration.definitions import defs

    policies = {
        spec.key.to_user_string(): spec.freshness_policy
        for spec in defs.resolve_all_asset_specs()
        if spec.freshness_policy
    }
    daily = dg.FreshnessPolicy.time_window(warn_window=timedelta(hours=30), fail_window=timedelta(hours=54))
    weekly = dg.FreshnessPolicy.time_window(warn_window=timedelta(days=8), fail_window=timedelta(days=15))

    assert {name for name, policy in policies.items() if policy == daily} >= {
        "feature_drift",
        "live_decision",
        "online_store/user_features",
        "online_store/user_scores",
        "online_store/user_segments",
    }
    assert {name for name, policy in policies.items() if policy == weekly} >= {
        "popup_profile",
        "popup_behaviour",
        "purchase_propensity",
        "churn",
        "buyer_stage",
        "user_segments",
    }
