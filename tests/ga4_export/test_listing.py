from datetime import date
from pathlib import Path

import pytest

from ga4_export.listing import ExportError, list_days, missing_days


def test_days_are_found_as_files_and_as_folders(tmp_path: Path) -> None:
    (tmp_path / "events_20260105.parquet").touch()
    (tmp_path / "events_20260106").mkdir()
    (tmp_path / "events_20260106" / "000000000000.parquet").touch()

    assert list(list_days(tmp_path)) == [date(2026, 1, 5), date(2026, 1, 6)]


@pytest.mark.parametrize("missing", [(), ("events_20260105",), ("events_20260105", "events_fresh_20260105")])
def test_the_best_table_of_a_day_is_read_alone(tmp_path: Path, missing: tuple[str, ...]) -> None:
    tables = ["events_20260105", "events_fresh_20260105", "events_intraday_20260105"]
    there = [table for table in tables if table not in missing]
    for name in (*there, "pseudonymous_users_20260105", "events_20260105.parquet.tmp"):
        (tmp_path / f"{name}.parquet").touch()

    assert list_days(tmp_path) == {date(2026, 1, 5): (tmp_path / f"{there[0]}.parquet",)}


def test_days_between_the_first_and_the_last_can_be_missing(tmp_path: Path) -> None:
    for day in ("20260105", "20260108"):
        (tmp_path / f"events_{day}.parquet").touch()

    assert missing_days(list_days(tmp_path)) == (date(2026, 1, 6), date(2026, 1, 7))


def test_a_missing_folder_is_named(tmp_path: Path) -> None:
    with pytest.raises(ExportError, match=r"nowhere is missing: name a folder of events_YYYYMMDD\.parquet"):
        list_days(tmp_path / "nowhere")


def test_a_folder_that_the_system_can_t_read_is_named_with_its_reason(tmp_path: Path) -> None:
    with pytest.raises(ExportError, match=r"can't be read \(File name too long\): mend its disk"):
        list_days(tmp_path / ("x" * 300))


def test_an_empty_folder_is_named(tmp_path: Path) -> None:
    with pytest.raises(ExportError, match="holds no day"):
        list_days(tmp_path)


def test_a_day_that_is_none_is_named(tmp_path: Path) -> None:
    (tmp_path / "events_20261341.parquet").touch()

    with pytest.raises(ExportError, match=r"events_20261341\.parquet names no day of the calendar"):
        list_days(tmp_path)
