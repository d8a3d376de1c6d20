from datetime import date
from pathlib import Path

import pytest

from tactful import plan
from tactful.plan import Inputs, Plan
from tactful.settings import Settings
from tactful.source import Source, source_of

SOURCE = Source("export", date(2026, 1, 1), date(2026, 1, 10), "files")
DAYS = {f"2026-01-{day:02}": "old" for day in range(1, 11)}
BEFORE = Inputs(DAYS, "same")


def test_the_first_run_builds_every_day() -> None:
    assert plan.plan(None, BEFORE, SOURCE) == Plan(SOURCE.first, SOURCE.last, "first run", is_rebuild=True)


def test_nothing_new_builds_nothing() -> None:
    assert plan.plan(BEFORE, Inputs(dict(DAYS), "same"), SOURCE) is None


def test_a_changed_day_is_built_with_the_day_before_and_all_after() -> None:
    now = Inputs({**DAYS, "2026-01-08": "new"}, "same")

    assert plan.plan(BEFORE, now, SOURCE) == Plan(date(2026, 1, 7), date(2026, 1, 10), "1 days new or changed")


def test_changed_settings_or_code_build_every_day() -> None:
    assert plan.plan(BEFORE, Inputs(DAYS, "other"), SOURCE) == Plan(
        SOURCE.first, SOURCE.last, "settings or code changed", is_rebuild=True
    )


def test_what_was_recorded_is_read_back(tmp_path: Path) -> None:
    plan.record(tmp_path, BEFORE)

    assert plan.recorded(tmp_path) == BEFORE


@pytest.mark.parametrize(
    "change", ["dagster_port", "reports_port", "features_deadline_ms", "features_kept_ms", "scoring", "host"]
)
def test_what_only_servers_are_told_is_nothing_new(tmp_path: Path, change: str) -> None:
    first = Settings(home=tmp_path)
    second = first.model_copy(update={change: 9999})

    assert plan.inputs_of(first, source_of(first)) == plan.inputs_of(second, source_of(second))


def test_a_touched_file_is_new(tmp_path: Path) -> None:
    file = tmp_path / "events_20260101.parquet"
    file.write_bytes(b"old")
    settings = Settings(home=tmp_path / "home", export=tmp_path)
    before = plan.inputs_of(settings, source_of(settings))
    file.write_bytes(b"newer")

    assert plan.inputs_of(settings, source_of(settings)).days != before.days


def _changed(*days: int) -> Inputs:
    return Inputs({**DAYS, **{f"2026-01-{day:02}": "new" for day in days}}, "same")


@pytest.mark.parametrize(
    ("changed", "late"), [((6,), [6]), ((7,), []), ((10,), []), ((1, 6, 8), [1, 6]), ((11,), []), ((), [])]
)
def test_a_day_is_late_that_changes_more_than_three_days_after_it(changed: tuple[int, ...], late: list[int]) -> None:
    assert plan.late_days(BEFORE, _changed(*changed), SOURCE) == tuple(date(2026, 1, day) for day in late)


def test_a_day_that_was_never_built_is_new_and_not_late() -> None:
    before = Inputs({day: stated for day, stated in DAYS.items() if day != "2026-01-03"}, "same")

    assert plan.late_days(before, BEFORE, SOURCE) == ()
    assert plan.plan(before, BEFORE, SOURCE) == Plan(date(2026, 1, 2), date(2026, 1, 10), "1 days new or changed")


def test_a_rebuild_builds_late_days_too() -> None:
    assert plan.late_days(BEFORE, Inputs(_changed(2).days, "other"), SOURCE) == ()
    assert plan.late_days(None, _changed(2), SOURCE) == ()


def test_late_days_alone_are_nothing_to_build_and_wait() -> None:
    assert plan.plan(BEFORE, _changed(2, 3), SOURCE) is None


def test_a_run_leaves_late_days_to_a_backfill() -> None:
    assert plan.plan(BEFORE, _changed(2, 9), SOURCE) == Plan(
        date(2026, 1, 8), date(2026, 1, 10), "1 days new or changed"
    )


def test_late_days_stay_late_until_they_are_built() -> None:
    now = _changed(2, 9)
    late = plan.late_days(BEFORE, now, SOURCE)

    after_a_run = plan.with_days(now, BEFORE, late)

    assert after_a_run == _changed(9)
    assert plan.late_days(after_a_run, now, SOURCE) == late == (date(2026, 1, 2),)
    assert plan.late_days(plan.with_days(now, after_a_run, ()), now, SOURCE) == ()


def test_a_backfill_vouches_for_its_own_days_alone() -> None:
    now = Inputs({**DAYS, "2026-01-03": "late", "2026-01-10": "new"}, "same")
    after = plan.with_days(BEFORE, now, [date(2026, 1, 3)])

    assert plan.late_days(after, now, SOURCE) == ()
    assert plan.plan(after, now, SOURCE) == Plan(date(2026, 1, 9), date(2026, 1, 10), "1 days new or changed")
