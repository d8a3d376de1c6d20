from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, date, datetime

import dagster as dg
import pytest
from pydantic import SecretStr

from tactful.settings import Settings
from tactful.source import Source
from tests.notice_server import Receiver, receiver

AFTERNOON = datetime(2026, 1, 19, 14, tzinfo=UTC)
TWO_WEEKS = Source("/export", date(2026, 1, 5), date(2026, 1, 18), "own")
MONDAY_NIGHT = datetime(2026, 1, 19, 23, tzinfo=UTC)


@pytest.fixture
def instance() -> Iterator[dg.DagsterInstance]:
    with dg.instance_for_test() as instance:
        yield instance


@pytest.fixture(autouse=True)
def two_weeks(monkeypatch: pytest.MonkeyPatch) -> None:
    """An export of two weeks, whatever the settings of these tests say."""
    from orchestration import schedules

    monkeypatch.setattr(schedules, "source_of", lambda _: TWO_WEEKS)
    monkeypatch.setattr(schedules, "_newest_built", lambda _: date(2026, 1, 17))


@pytest.fixture
def heard(monkeypatch: pytest.MonkeyPatch) -> Iterator[Receiver]:
    """A webhook that notices go to."""
    from orchestration import schedules
    from orchestration.resources import SETTINGS

    with receiver() as heard:
        monkeypatch.setattr(schedules, "SETTINGS", SETTINGS.model_copy(update={"notify": SecretStr(heard.url)}))
        yield heard


def _tick(
    schedule: dg.ScheduleDefinition, at: datetime, instance: dg.DagsterInstance | None = None
) -> dg.RunRequest | str | None:
    """What a schedule asks for at a time, or why it asks for nothing."""
    from orchestration.definitions import defs

    context = dg.build_schedule_context(
        instance=instance, scheduled_execution_time=at, repository_def=defs.get_repository_def()
    )
    outcome = schedule.evaluate_tick(context)
    return outcome.run_requests[0] if outcome.run_requests else outcome.skip_message


def _asked(request: dg.RunRequest | str | None) -> set[str]:
    assert isinstance(request, dg.RunRequest)
    return {key.to_user_string() for key in request.asset_selection or ()}


@pytest.fixture
def trained(monkeypatch: pytest.MonkeyPatch) -> set[str]:
    """The models that have a champion."""
    from orchestration import schedules

    trained = set(schedules._TRAINING)
    monkeypatch.setattr(schedules, "_untrained", lambda: [name for name in schedules._TRAINING if name not in trained])
    return trained


def test_every_day_the_newest_is_built_with_the_three_that_ga4_may_have_rewritten(
    instance: dg.DagsterInstance, trained: set[str]
) -> None:
    from orchestration.schedules import daily

    asked = _tick(daily, AFTERNOON, instance)

    assert isinstance(asked, dg.RunRequest)
    assert asked.tags["tactful/day"] == "2026-01-19"
    assert asked.tags["dagster/asset_partition_range_start"] == "2026-01-14"
    assert asked.tags["dagster/asset_partition_range_end"] == "2026-01-18"


def test_the_newest_day_is_the_one_of_which_every_table_is_published(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.undo()
    from orchestration.resources import TABLES
    from orchestration.schedules import _newest_built

    first, *others = [["feature_store", table.view] for table in TABLES if table.every_day]
    with dg.DagsterInstance.ephemeral() as instance:
        for day in ("2026-01-16", "2026-01-17"):
            for key in others:
                instance.report_runless_asset_event(dg.AssetMaterialization(key, partition=day))
        assert _newest_built(instance) is None

        instance.report_runless_asset_event(dg.AssetMaterialization(first, partition="2026-01-16"))
        assert _newest_built(instance) == date(2026, 1, 16)


def test_all_is_built_anew_but_models_with_a_champion(instance: dg.DagsterInstance, trained: set[str]) -> None:
    from orchestration.definitions import defs
    from orchestration.schedules import _TRAINING, daily

    graph = defs.resolve_asset_graph()
    every = {key.to_user_string() for key in graph.executable_asset_keys}

    asked = _asked(_tick(daily, AFTERNOON, instance))
    left = every - asked
    subset = defs.resolve_job_def("refresh").get_subset(asset_selection=set(map(dg.AssetKey.from_user_string, asked)))

    training = {key.to_user_string() for keys in _TRAINING.values() for key in keys}
    # the guard of champions reads these two
    assert training - left == {"popup_profile_training_set", "popup_behaviour_training_set"}
    assert left < training
    assert "champion_guard" in asked
    assert {graph.get(dg.AssetKey.from_user_string(name)).group_name for name in left} == {"models", "said_by_models"}
    assert {key.to_user_string() for key in subset.asset_layer.selected_asset_keys} == asked


def test_a_model_without_a_champion_is_trained_that_day(instance: dg.DagsterInstance, trained: set[str]) -> None:
    from orchestration.schedules import daily

    before = _asked(_tick(daily, AFTERNOON, instance))
    trained -= {"churn", "user_segments"}

    assert _asked(_tick(daily, AFTERNOON, instance)) - before == {"churn_training_set", "churn", "user_segments"}


class OneChampion:
    """A registry in which one model alone has a champion."""

    def champion(self, name: str) -> str | None:
        return "1" if name == "churn" else None


def test_a_model_counts_as_trained_while_it_has_a_champion(monkeypatch: pytest.MonkeyPatch) -> None:
    from ml import registry
    from orchestration.schedules import _TRAINING, _untrained

    monkeypatch.setattr(registry.Registry, "of", lambda _: OneChampion())

    assert set(_untrained()) == _TRAINING.keys() - {"churn"}


def test_a_day_is_asked_for_once_however_often_the_hour_strikes(
    instance: dg.DagsterInstance, trained: set[str]
) -> None:
    from orchestration.schedules import daily

    asked = _tick(daily, AFTERNOON, instance)
    assert isinstance(asked, dg.RunRequest)
    instance.add_run(dg.DagsterRun(job_name="refresh", run_id="00000000-0000-0000-0000-000000000001", tags=asked.tags))

    assert _tick(daily, AFTERNOON.replace(hour=15), instance) == "2026-01-19 is asked for already."
    assert isinstance(_tick(daily, AFTERNOON.replace(day=20), instance), dg.RunRequest)


@pytest.mark.parametrize("ended", [dg.DagsterRunStatus.FAILURE, dg.DagsterRunStatus.CANCELED])
def test_a_day_whose_run_failed_is_asked_for_once_more(
    ended: dg.DagsterRunStatus, instance: dg.DagsterInstance, trained: set[str]
) -> None:
    from orchestration.schedules import daily

    keys = []
    for number in (1, 2):
        asked = _tick(daily, AFTERNOON.replace(hour=13 + number), instance)
        assert isinstance(asked, dg.RunRequest)
        keys.append(asked.run_key)
        run_id = f"00000000-0000-0000-0000-00000000000{number}"
        instance.add_run(dg.DagsterRun(job_name="refresh", run_id=run_id, tags=asked.tags, status=ended))

    # Dagster would start no second run of the same key
    assert len(set(keys)) == 2
    assert _tick(daily, AFTERNOON.replace(hour=16), instance) == "2026-01-19 is asked for already."


@pytest.mark.parametrize("first_look", [14, 17, 19])
def test_those_who_are_named_are_told_once_that_a_day_is_missing_and_once_that_it_is_given_up(
    first_look: int,
    instance: dg.DagsterInstance,
    trained: set[str],
    heard: Receiver,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    from orchestration import schedules

    monkeypatch.setattr(schedules, "source_of", lambda _: replace(TWO_WEEKS, kind="files"))

    told = [_tick(schedules.daily, AFTERNOON.replace(day=20, hour=hour), instance) for hour in range(first_look, 21)]

    assert told[0] == (
        "2026-01-19 is not there; the newest day of /export is 2026-01-18. It is looked for on the hour until 20:00."
    )
    assert [(notice["message"], notice["type"]) for notice in heard.told] == [
        (told[0], "warning"),
        (told[-1], "failure"),
    ]
    assert isinstance(_tick(schedules.daily, AFTERNOON, instance), dg.RunRequest)


def test_the_day_is_looked_for_on_the_hour_once_it_is_switched_on() -> None:
    from orchestration.schedules import SCHEDULES, daily

    assert daily.cron_schedule == "0 14-20 * * *"
    assert {schedule.default_status for schedule in SCHEDULES} == {dg.DefaultScheduleStatus.STOPPED}


@pytest.mark.parametrize(
    ("night", "peaks", "why"),
    [
        (19, "", "once a week"),
        (20, "", None),
        (20, "01-20..02-01", "the peak 01-20..02-01"),
        (19, "01-20..02-01", "once a week"),
        (25, "12-20..01-24", None),
    ],
)
def test_models_are_learnt_anew_every_week_and_every_night_of_a_peak(
    night: int, peaks: str, why: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    from orchestration import schedules

    monkeypatch.setattr(schedules, "SETTINGS", Settings(season_peaks=peaks))

    asked = _tick(schedules.retrain_weekly, MONDAY_NIGHT.replace(day=night))

    assert (asked.tags["tactful/reason"] if isinstance(asked, dg.RunRequest) else None) == why


def test_every_week_segments_are_found_anew_once_it_is_switched_on() -> None:
    from orchestration.definitions import defs
    from orchestration.schedules import weekly

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
