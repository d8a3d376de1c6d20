from datetime import date
from pathlib import Path

import pytest

from tactful import plan
from tactful.plan import Inputs, Plan
from tactful.settings import Settings
from tactful.source import Source, source_of

SOURCE = Source(Path("export"), date(2026, 1, 1), date(2026, 1, 10), is_simulated=False)
DAYS = {f"2026-01-{day:02}": "old" for day in range(1, 11)}
BEFORE = Inputs(DAYS, "same")


def test_the_first_run_builds_every_day() -> None:
    assert plan.plan(None, BEFORE, SOURCE) == Plan(SOURCE.first, SOURCE.last, "first run")


def test_nothing_new_builds_nothing() -> None:
    assert plan.plan(BEFORE, Inputs(dict(DAYS), "same"), SOURCE) is None


def test_a_changed_day_is_built_with_the_day_before_and_all_after() -> None:
    now = Inputs({**DAYS, "2026-01-08": "new"}, "same")

    assert plan.plan(BEFORE, now, SOURCE) == Plan(date(2026, 1, 7), date(2026, 1, 10), "1 days new or changed")


def test_changed_settings_or_code_build_every_day() -> None:
    assert plan.plan(BEFORE, Inputs(DAYS, "other"), SOURCE) == Plan(
        SOURCE.first, SOURCE.last, "settings or code changed"
    )


def test_what_was_recorded_is_read_back(tmp_path: Path) -> None:
    plan.record(tmp_path, BEFORE)

    assert plan.recorded(tmp_path) == BEFORE


@pytest.mark.parametrize("change", ["dagster_port", "reports_port"])
def test_another_port_is_nothing_new(tmp_path: Path, change: str) -> None:
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
