"""What a run may not build on: as a rule over literal runs, and in runs of a small graph that pass the guard."""

import uuid
from collections.abc import Iterator
from datetime import date
from pathlib import Path

import dagster as dg
import pytest
from dagster._core.events import AssetMaterializationPlannedData

from tactful.claims import Days

A, B = dg.AssetKey("a"), dg.AssetKey("b")
OF_A = dg.AssetCheckKey(A, "a_is_whole")


def _trouble(*attempts: object, by_day: bool = False) -> str | None:
    from orchestration.soundness import Needed, trouble

    return trouble(attempts, {A: Needed([OF_A], by_day), B: Needed([])})  # type: ignore[arg-type]


def _attempt(
    run: str, planned: set[dg.AssetKey], built: set[dg.AssetKey], days: tuple[int, int] | None = None, **checks: bool
) -> object:
    from orchestration.soundness import Attempt

    told = {dg.AssetCheckKey(A, name): passed for name, passed in checks.items()}
    of = Days(date(2026, 1, days[0]), date(2026, 1, days[1])) if days else None
    return Attempt(run, planned, built, told, days=of)


def test_what_was_built_and_passed_its_checks_is_sound() -> None:
    assert _trouble(_attempt("r1", {A, B}, {A, B}, a_is_whole=True)) is None


def test_what_failed_its_check_is_not() -> None:
    assert _trouble(_attempt("r1", {A}, {A}, a_is_whole=False)) == "a_is_whole of a has failed since run r1 built it"


def test_a_check_that_told_nothing_counts_as_failed() -> None:
    sound = _attempt("r1", {A, B}, {A, B}, a_is_whole=True)

    assert _trouble(_attempt("r2", {A}, {A}), sound) == "a_is_whole of a has told nothing since run r2 built it"


def test_what_a_run_was_to_build_and_did_not_is_not_sound() -> None:
    sound = _attempt("r1", {A, B}, {A, B}, a_is_whole=True)

    assert _trouble(_attempt("r2", {A, B}, {A}, a_is_whole=True), sound) == "b was not built by run r2, which was to"


def test_a_failed_check_is_named_before_what_was_left_unbuilt_because_of_it() -> None:
    told = _trouble(_attempt("r1", {A, B}, {A}, a_is_whole=False))

    assert told == "a_is_whole of a has failed since run r1 built it"


def test_a_check_alone_that_passes_later_mends_it_and_one_that_fails_breaks_it() -> None:
    failed = _attempt("r1", {A}, {A}, a_is_whole=False)
    passed = _attempt("r1", {A}, {A}, a_is_whole=True)

    assert _trouble(_attempt("r2", set(), set(), a_is_whole=True), failed) is None
    assert _trouble(_attempt("r2", set(), set(), a_is_whole=False), passed) is not None


def test_a_day_that_failed_is_not_mended_by_a_later_run_of_other_days() -> None:
    failed = _attempt("r1", {A}, {A}, (1, 3), a_is_whole=False)
    others = _attempt("r2", {A}, {A}, (3, 5), a_is_whole=True)
    again = _attempt("r3", {A}, {A}, (1, 2), a_is_whole=True)

    told = "a_is_whole of a has failed since run r1 of 2026-01-01 to 2026-01-03 built it"
    assert _trouble(others, failed, by_day=True) == told
    assert _trouble(again, others, failed, by_day=True) is None


def test_of_what_is_not_built_by_day_the_newest_run_tells() -> None:
    failed = _attempt("r1", {A}, {A}, (1, 3), a_is_whole=False)

    assert _trouble(_attempt("r2", {A}, {A}, (3, 5), a_is_whole=True), failed) is None


@pytest.mark.parametrize(("days", "mends"), [(None, True), ((1, 3), True), ((2, 3), False)])
def test_a_check_alone_mends_days_that_it_looked_at(days: tuple[int, int] | None, mends: bool) -> None:
    failed = _attempt("r1", {A}, {A}, (1, 3), a_is_whole=False)
    alone = _attempt("r2", set(), set(), days, a_is_whole=True)

    assert (_trouble(alone, failed, by_day=True) is None) == mends


def test_what_nobody_was_to_build_is_not_judged() -> None:
    assert _trouble() is None


@pytest.fixture
def instance() -> Iterator[dg.DagsterInstance]:
    with dg.DagsterInstance.ephemeral() as instance:
        yield instance


class Shop:
    """Orders, invoices made of them, a letter made of those and of a model that was learnt from orders."""

    def __init__(self, instance: dg.DagsterInstance, home: Path) -> None:
        self.instance = instance
        self.is_sound, self.breaks = True, ""
        self.sent: list[str] = []
        self.home = home

    def definitions(self) -> dg.Definitions:
        from orchestration.resources import LandingResource

        def make(name: str, *deps: str, kind: str = "python") -> dg.AssetsDefinition:
            @dg.asset(name=name, deps=list(deps), kinds={kind})
            def made(landing: LandingResource) -> None:
                landing.take()
                if self.breaks == name:
                    raise dg.Failure("out of paper", allow_retries=False)
                self.sent.append(name)

            return made

        @dg.asset_check(asset="orders", blocking=True)
        def orders_are_three() -> dg.AssetCheckResult:
            return dg.AssetCheckResult(passed=self.is_sound)

        return dg.Definitions(
            [
                make("orders"),
                make("invoices", "orders"),
                make("taste", "orders", kind="mlflow"),
                make("letter", "invoices", "taste"),
            ],
            asset_checks=[orders_are_three],
            resources={"landing": LandingResource(home=str(self.home))},
            jobs=[dg.define_asset_job("all", "*")],
        )

    def run(self, *assets: str) -> str | None:
        """Build assets, or all; returns why one of them failed, if any did."""
        self.sent.clear()
        keys = [dg.AssetKey(name) for name in assets] or None
        ran = (
            self.definitions()
            .resolve_job_def("all")
            .execute_in_process(instance=self.instance, asset_selection=keys, raise_on_error=False)
        )
        failed = [event for event in ran.all_events if event.event_type == dg.DagsterEventType.STEP_FAILURE]
        told = [event.step_failure_data.user_failure_data for event in failed]
        return str(told[0].description) if told and told[0] else str(failed[0].message) if failed else None


@pytest.fixture
def shop(instance: dg.DagsterInstance, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Shop:
    from orchestration import definitions

    shop = Shop(instance, tmp_path)
    monkeypatch.setattr(definitions, "defs", shop.definitions())
    return shop


def test_a_sound_run_lets_the_next_one_build_on_it(shop: Shop) -> None:
    assert shop.run() is None
    assert shop.run("letter") is None
    assert shop.sent == ["letter"]


@pytest.mark.parametrize("asset", ["invoices", "letter"])
def test_f04_a_failed_check_stops_what_depends_on_it_in_the_next_run_too(shop: Shop, asset: str) -> None:
    shop.run()
    shop.is_sound = False
    shop.run("orders")

    told = shop.run(asset)

    assert told is not None
    assert told.startswith("orders_are_three of orders has failed since run ")
    assert told.endswith(" built it: build it again, as `tactful backfill` does with days.")
    assert shop.sent == []
    shop.is_sound = True
    shop.run("orders")
    assert shop.run("invoices", "letter") is None


def test_a_run_that_goes_on_where_one_died_may_tell_of_the_checks_itself(shop: Shop) -> None:
    shop.run()
    left = shop.definitions().resolve_job_def("all")
    left.execute_in_process(instance=shop.instance, op_selection=["orders"])
    assert "orders_are_three of orders has told nothing" in str(shop.run("invoices"))

    ran = left.execute_in_process(instance=shop.instance, op_selection=["orders_orders_are_three", "invoices"])

    assert ran.success


def test_f28_what_was_left_unbuilt_stops_what_depends_on_it_in_the_next_run_too(shop: Shop) -> None:
    shop.run()
    shop.breaks = "invoices"
    shop.run("invoices")
    shop.breaks = ""

    told = shop.run("letter")

    assert told is not None
    assert told.startswith("invoices was not built by run ")
    assert shop.sent == []
    assert shop.run("invoices", "letter") is None


def test_a_run_that_is_refused_has_changed_nothing_and_is_held_against_nobody(shop: Shop) -> None:
    shop.run()
    shop.is_sound = False
    shop.run("orders")
    shop.run("invoices")
    shop.is_sound = True
    shop.run("orders")

    assert shop.run("letter") is None


def test_a_model_s_champion_stands_when_a_training_fails(shop: Shop) -> None:
    shop.run()
    shop.breaks = "taste"
    shop.run("taste")
    shop.breaks = ""

    assert shop.run("letter") is None


def test_a_retry_that_waits_with_the_tags_of_its_run_is_held_against_nobody(shop: Shop) -> None:
    shop.run()
    (done,) = shop.instance.get_runs(limit=1)
    planned = dg.DagsterRun(job_name="all", run_id=str(uuid.uuid4()), tags=done.tags)
    shop.instance.add_run(planned)
    event = dg.DagsterEvent(
        dg.DagsterEventType.ASSET_MATERIALIZATION_PLANNED.value,
        "all",
        event_specific_data=AssetMaterializationPlannedData(dg.AssetKey("invoices")),
    )
    shop.instance.report_dagster_event(event, planned.run_id)

    assert shop.run("letter") is None
