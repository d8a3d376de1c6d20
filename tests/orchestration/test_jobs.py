import pytest


def test_retraining_is_of_training_sets_and_models_alone_and_leaves_segments_to_their_week() -> None:
    from orchestration.definitions import defs

    job = defs.resolve_job_def("retrain")
    keys = job.asset_layer.selected_asset_keys

    assert {job.asset_layer.get(key).group_name for key in keys} == {"models"}
    assert not {key for key in keys if "segment" in key.to_user_string()}


@pytest.mark.parametrize("job", ["features", "backfill"])
def test_days_built_again_keep_the_segments_that_users_had(job: str) -> None:
    from orchestration.definitions import defs

    keys = {key.to_user_string() for key in defs.resolve_job_def(job).asset_layer.selected_asset_keys}

    assert "feature_store/user_features" in keys
    assert not {key for key in keys if "segment" in key}
