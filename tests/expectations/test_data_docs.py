from datetime import UTC, datetime
from pathlib import Path

import pytest

from expectations.data_docs import write_contents, write_page
from expectations.validation import Outcome, Validation

NOW = datetime(2026, 1, 6, 14, 0, tzinfo=UTC)
MET = Outcome("expect_column_values_to_not_be_null", "day", True, False, 1200, 0, "")
FAILED = Outcome("expect_column_values_to_be_between", "<b>bold</b>", False, False, 1200, 7, "")


def _page(folder: Path, *outcomes: Outcome, suite: str = "visitors") -> str:
    return write_page(Validation(suite, 1200, outcomes, 0.1), folder, NOW).read_text()


def test_a_page_tells_what_was_met_and_when(tmp_path: Path) -> None:
    page = _page(tmp_path, MET, FAILED)

    assert "1 of 2 expectations met on 1,200 rows, 2026-01-06 14:00 UTC" in page
    assert "not met" in page


def test_a_page_tells_bounds_and_what_was_observed(tmp_path: Path) -> None:
    late = Outcome("expect_column_max_to_be_between", "day", False, False, None, None, "", "at least 9", "7")

    page = _page(tmp_path, late)

    assert "<br>expected at least 9<br>observed 7" in page


def test_what_comes_from_data_is_shown_as_text(tmp_path: Path) -> None:
    page = _page(tmp_path, FAILED)

    assert "<b>bold</b>" not in page
    assert "&lt;b&gt;bold&lt;/b&gt;" in page


def test_a_page_asks_nothing_of_the_network(tmp_path: Path) -> None:
    assert "//" not in _page(tmp_path, MET).replace("<!doctype html>", "")


def test_the_index_lists_every_suite_once(tmp_path: Path) -> None:
    for suite in ("visitors", "sessions", "visitors"):
        _page(tmp_path, MET, suite=suite)

    assert (tmp_path / "index.html").read_text().count('<td><a href="') == 2


@pytest.mark.parametrize("is_simulated", [True, False])
def test_the_contents_list_the_pages_that_are_there_and_say_when_they_are_simulated(
    tmp_path: Path, is_simulated: bool
) -> None:
    _page(tmp_path / "expectations", MET)

    write_contents(tmp_path, is_simulated)

    contents = (tmp_path / "index.html").read_text()
    assert '<a href="expectations/index.html">' in contents
    assert "drift/" not in contents
    assert ("Simulated shop: nothing here says anything about real visitors." in contents) == is_simulated
    assert "//" not in contents
