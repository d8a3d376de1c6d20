from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

import dagster as dg
import pytest

FIRST_WEEK, SECOND_WEEK = "2026-01-05 to 2026-01-11", "2026-01-12 to 2026-01-18"


@pytest.fixture
def instance() -> Iterator[dg.DagsterInstance]:
    with dg.instance_for_test() as instance:
        yield instance


def _report(instance: dg.DagsterInstance, verdict: str, reason: str, window: str = SECOND_WEEK) -> None:
    metadata = {"verdict": verdict, "reason": reason, "window": window}
    instance.report_runless_asset_event(dg.AssetMaterialization("feature_drift", metadata=metadata))


@dataclass(frozen=True)
class Tick:
    """What came of asking the sensor once."""

    asked: Sequence[dg.RunRequest]
    told: str | None
    cursor: str | None


def _tick(instance: dg.DagsterInstance, cursor: str | None = None) -> Tick:
    from orchestration.automation import retrain_on_drift
    from orchestration.definitions import defs

    context = dg.build_sensor_context(instance=instance, cursor=cursor, definitions=defs)
    outcome = retrain_on_drift.evaluate_tick(context)
    return Tick(outcome.run_requests or (), outcome.skip_message, outcome.cursor)


def test_drift_asks_for_retraining_and_says_why(instance: dg.DagsterInstance) -> None:
    _report(instance, "drift", "3 of 20 columns reach 0.2.")

    (asked,) = _tick(instance).asked

    assert asked.tags["tactful/drift"] == "3 of 20 columns reach 0.2."


def test_a_window_asks_for_retraining_once(instance: dg.DagsterInstance) -> None:
    _report(instance, "drift", "once", FIRST_WEEK)
    first = _tick(instance)
    assert len(_tick(instance, first.cursor).asked) == 0

    _report(instance, "drift", "measured again", FIRST_WEEK)
    again = _tick(instance, first.cursor)
    _report(instance, "drift", "another week", SECOND_WEEK)
    other = _tick(instance, again.cursor)

    # Dagster starts one run a run key
    assert again.asked[0].run_key == first.asked[0].run_key
    assert other.asked[0].run_key != first.asked[0].run_key


@pytest.mark.parametrize("verdict", ["stable", "not_enough_data"])
def test_without_drift_nothing_is_retrained_and_the_reason_is_told(instance: dg.DagsterInstance, verdict: str) -> None:
    _report(instance, verdict, "None of 20 columns reaches 0.2.")

    tick = _tick(instance)

    assert len(tick.asked) == 0
    assert tick.told == f"The verdict is {verdict}: None of 20 columns reaches 0.2."


def test_every_day_the_newest_is_built_with_the_three_that_ga4_may_have_rewritten() -> None:
    from orchestration.automation import daily

    afternoon = datetime(2026, 1, 19, 14, tzinfo=UTC)
    (asked,) = daily.evaluate_tick(dg.build_schedule_context(scheduled_execution_time=afternoon)).run_requests or ()

    assert asked.run_key == "2026-01-19"
    assert asked.tags["dagster/asset_partition_range_start"] == "2026-01-14"
    assert asked.tags["dagster/asset_partition_range_end"] == "2026-01-18"


def test_retraining_is_of_training_sets_and_models_alone_and_leaves_segments_to_their_week() -> None:
    from orchestration.definitions import defs

    job = defs.resolve_job_def("retrain")
    keys = job.asset_layer.selected_asset_keys

    assert {job.asset_layer.get(key).group_name for key in keys} == {"models"}
    assert not {key for key in keys if "segment" in key.to_user_string()}


def test_every_week_segments_are_found_anew_once_it_is_switched_on() -> None:
    from orchestration.automation import weekly
    from orchestration.definitions import defs

    monday = datetime(2026, 1, 19, 15, tzinfo=UTC)
    (asked,) = weekly.evaluate_tick(dg.build_schedule_context(scheduled_execution_time=monday)).run_requests or ()
    keys = defs.resolve_job_def(weekly.job_name).asset_layer.selected_asset_keys

    assert asked.tags["dagster/asset_partition_range_start"] == asked.tags["dagster/asset_partition_range_end"]
    assert {key.to_user_string() for key in keys} == {
        "user_segments",
        "user_segment_labels",
        "fct_user_segments",
        "feature_store/user_segments",
        "online_store/user_segments",
    }
    assert keys & defs.resolve_asset_graph().get(dg.AssetKey(["online_store", "user_segments"])).parent_keys
    assert weekly.cron_schedule == "0 15 * * 1"
    assert weekly.default_status == dg.DefaultScheduleStatus.STOPPED


def test_between_two_clusterings_users_get_the_segments_there_are() -> None:
    from orchestration.automation import daily
    from orchestration.definitions import defs

    everything, between = (
        {key.to_user_string() for key in defs.resolve_job_def(job).asset_layer.selected_asset_keys}
        for job in ("everything", daily.job_name)
    )

    assert everything - between == {"user_segments"}


@pytest.mark.parametrize("job", ["features", "backfill"])
def test_days_built_again_keep_the_segments_that_users_had(job: str) -> None:
    from orchestration.definitions import defs

    keys = {key.to_user_string() for key in defs.resolve_job_def(job).asset_layer.selected_asset_keys}

    assert "feature_store/user_features" in keys
    assert not {key for key in keys if "segment" in key}
