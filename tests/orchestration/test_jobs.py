from collections.abc import Iterable

import pytest


def test_retraining_is_of_training_sets_and_models_alone_and_leaves_what_is_said_of_users() -> None:
    from orchestration.definitions import defs

    job = defs.resolve_job_def("retrain")
    keys = job.asset_layer.selected_asset_keys

    assert {job.asset_layer.get(key).group_name for key in keys} == {"models"}
    assert not _about_users(key.to_user_string() for key in keys)


@pytest.mark.parametrize("job", ["features", "backfill", "training_sets"])
def test_days_built_again_keep_what_models_said_of_users(job: str) -> None:
    from orchestration.definitions import defs

    keys = {key.to_user_string() for key in defs.resolve_job_def(job).asset_layer.selected_asset_keys}

    assert "feature_store/user_features" in keys
    assert not _about_users(keys)


def test_what_is_asked_for_daily_says_of_users_what_the_main_job_does() -> None:
    from orchestration.definitions import defs

    everything, refresh = (
        {key.to_user_string() for key in defs.resolve_job_def(job).asset_layer.selected_asset_keys}
        for job in ("everything", "refresh")
    )

    assert {"user_model_scores", "fct_user_scores", "feature_store/user_scores", "online_store/user_scores"} <= refresh
    assert _about_users(everything) == _about_users(refresh)


def _about_users(keys: Iterable[str]) -> set[str]:
    """What models say of users, and what is made of it."""
    return {key for key in keys if "segment" in key or "score" in key}
