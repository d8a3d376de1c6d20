from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import dagster as dg
import pytest
from pydantic import SecretStr

from ml.promotion import Order, Seat
from ml.registry import CHAMPION, Registry
from tactful.notices import NoticeError
from tactful.settings import Settings
from tests.ml.rivals import add_version, good
from tests.notice_server import Receiver, receiver

FIRST_WEEK, SECOND_WEEK = "2026-01-05 to 2026-01-11", "2026-01-12 to 2026-01-18"


@pytest.fixture
def instance() -> Iterator[dg.DagsterInstance]:
    with dg.DagsterInstance.ephemeral() as instance:
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
    from orchestration.definitions import defs
    from orchestration.sensors import retrain_on_drift

    context = dg.build_sensor_context(instance=instance, cursor=cursor, definitions=defs)
    outcome = retrain_on_drift.evaluate_tick(context)
    return Tick(outcome.run_requests or (), outcome.skip_message, outcome.cursor)


def _report_two_that_moved(instance: dg.DagsterInstance) -> None:
    _report(instance, "drift", "3 of 20 columns have moved.", FIRST_WEEK)
    _report(instance, "label_shift", "Twice the rate.", SECOND_WEEK)


def test_drift_of_two_windows_asks_for_retraining_and_says_why(instance: dg.DagsterInstance) -> None:
    _report_two_that_moved(instance)

    (asked,) = _tick(instance).asked

    assert asked.run_key == f"drift-{SECOND_WEEK}"
    assert (asked.tags["tactful/window"], asked.tags["tactful/drift"]) == (SECOND_WEEK, "label_shift: Twice the rate.")
    assert asked.tags["tactful/drifted_on"] == "2026-01-05"


def test_a_window_asks_for_retraining_once(instance: dg.DagsterInstance) -> None:
    _report_two_that_moved(instance)
    first = _tick(instance)
    _report(instance, "drift", "measured again", SECOND_WEEK)

    assert _tick(instance, first.cursor).told == f"The window {SECOND_WEEK} has asked already."
    # as when the daemon died before it kept the cursor: Dagster starts one run a run key
    assert _tick(instance).asked[0].run_key == first.asked[0].run_key


def test_after_a_training_a_day_passes_before_drift_asks_for_the_next(instance: dg.DagsterInstance) -> None:
    _report_two_that_moved(instance)
    instance.add_run(dg.DagsterRun(job_name="retrain", run_id="00000000-0000-0000-0000-000000000001"))

    told = _tick(instance).told

    assert told is not None
    assert told.startswith("Models were last trained at ")
    assert told.endswith("1 day, 0:00:00 must pass between.")


@pytest.mark.parametrize("verdict", ["stable", "not_enough_data"])
def test_without_drift_nothing_is_retrained_and_the_reason_is_told(instance: dg.DagsterInstance, verdict: str) -> None:
    _report(instance, verdict, "None of 20 columns reaches 0.2.")

    tick = _tick(instance)

    assert len(tick.asked) == 0
    assert tick.told == f"The verdict is {verdict}: None of 20 columns reaches 0.2."


@dg.asset
def orders() -> None: ...


@dg.asset_check(asset=orders)
def orders_are_three() -> dg.AssetCheckResult:
    return dg.AssetCheckResult(passed=False, description="There are 2 orders.")


@dg.asset(deps=[orders])
def invoices() -> None:
    raise dg.Failure("The printer is out of paper.", allow_retries=False)


@pytest.fixture
def heard(monkeypatch: pytest.MonkeyPatch) -> Iterator[Receiver]:
    """A webhook that notices go to."""
    from orchestration import sensors

    with receiver() as heard:
        monkeypatch.setattr(sensors, "SETTINGS", Settings(notify=SecretStr(heard.url)))
        yield heard


def _ran(instance: dg.DagsterInstance, *assets: dg.AssetsDefinition) -> dg.ExecuteInProcessResult:
    definitions = dg.Definitions(
        list(assets), jobs=[dg.define_asset_job("bill", "*")], asset_checks=[orders_are_three] * (orders in assets)
    )
    return definitions.resolve_job_def("bill").execute_in_process(instance=instance, raise_on_error=False)


def test_those_who_are_named_are_told_which_steps_failed_and_which_checks(
    instance: dg.DagsterInstance, heard: Receiver
) -> None:
    from orchestration.sensors import notify_on_failure

    ran = _ran(instance, orders, invoices)
    (failure,) = [event for event in ran.all_events if event.event_type == dg.DagsterEventType.RUN_FAILURE]
    context = dg.build_run_status_sensor_context("notify", failure, instance, ran.dagster_run)
    notify_on_failure(context.for_run_failure())

    (told,) = heard.told
    assert told["title"] == f"The run {ran.run_id[:8]} of bill failed"
    assert told["message"] == (
        "invoices: The printer is out of paper.\norders_are_three of orders: There are 2 orders."
    )
    assert told["type"] == "failure"


def test_a_check_that_failed_in_a_run_that_went_on_is_told_too(instance: dg.DagsterInstance, heard: Receiver) -> None:
    from orchestration.sensors import notify_on_failed_checks

    ran = _ran(instance, orders)
    (success,) = [event for event in ran.all_events if event.event_type == dg.DagsterEventType.RUN_SUCCESS]
    notify_on_failed_checks(dg.build_run_status_sensor_context("notify", success, instance, ran.dagster_run))

    (told,) = heard.told
    assert told["title"] == f"Checks failed in the run {ran.run_id[:8]} of bill: 1"
    assert told["message"] == "orders_are_three of orders: There are 2 orders."


def test_each_move_of_a_champion_is_told_of_once(
    instance: dg.DagsterInstance, heard: Receiver, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from orchestration import sensors

    settings = Settings(home=tmp_path, notify=SecretStr(heard.url))
    monkeypatch.setattr(sensors, "SETTINGS", settings)
    registry = Registry.of(settings)
    first, second = (add_version(registry, "popup_profile", good()) for _ in range(2))

    def look() -> None:
        with dg.build_sensor_context(instance=instance) as context:
            sensors.notify_on_moves(context)

    look()
    registry.point("popup_profile", CHAMPION, first)
    look()
    Seat(registry, "popup_profile").promote(second, Order("Ada", "It is better."), first)
    look()
    look()

    assert [told["title"] for told in heard.told] == [
        f"The champion of popup_profile was none and is version {first}",
        f"The champion of popup_profile was version {first} and is version {second}",
    ]
    assert heard.told[1]["message"].endswith("promote, asked by Ada. It is better.")


def test_a_verdict_that_asks_for_a_look_is_told_of_until_another_comes(
    instance: dg.DagsterInstance, heard: Receiver
) -> None:
    from orchestration.sensors import notify_on_drift

    for verdict in ("stable", "drift", "drift", "relabelling_suspected", "not_enough_data", "drift"):
        _report(instance, verdict, f"said {verdict}")
        with dg.build_sensor_context(instance=instance) as context:
            notify_on_drift(context)

    assert [(told["title"], told["message"], told["type"]) for told in heard.told] == [
        (f"Drift, {SECOND_WEEK}: {verdict}", f"said {verdict}", "warning")
        for verdict in ("drift", "relabelling_suspected", "drift")
    ]


def test_who_was_told_of_a_move_is_not_told_again_because_somebody_else_was_not(
    instance: dg.DagsterInstance, heard: Receiver, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from orchestration import sensors

    settings = Settings(home=tmp_path, notify=SecretStr(f"{heard.url},json://127.0.0.1:1"))
    monkeypatch.setattr(sensors, "SETTINGS", settings)
    registry = Registry.of(settings)
    version = add_version(registry, "popup_profile", good())
    with dg.build_sensor_context(instance=instance) as context:
        sensors.notify_on_moves(context)
        registry.point("popup_profile", CHAMPION, version)
        with pytest.raises(NoticeError, match="1 of the 2 places"):
            sensors.notify_on_moves(context)
        sensors.notify_on_moves(context)

    assert len(heard.told) == 1


def test_of_a_run_in_which_all_is_well_nobody_is_told(instance: dg.DagsterInstance, heard: Receiver) -> None:
    from orchestration.sensors import notify_on_failed_checks

    @dg.asset
    def fine() -> None: ...

    ran = _ran(instance, fine)
    (success,) = [event for event in ran.all_events if event.event_type == dg.DagsterEventType.RUN_SUCCESS]
    notify_on_failed_checks(dg.build_run_status_sensor_context("notify", success, instance, ran.dagster_run))

    assert heard.told == []
