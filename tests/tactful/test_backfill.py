from collections.abc import Sequence
from datetime import date, timedelta
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tactful import home
from tactful.backfill import _asked, _spans, _with_neighbours
from tactful.settings import Settings, SettingsError
from tactful.source import Source
from tests.conftest import tactful

FIRST, LAST = date(2026, 1, 1), date(2026, 1, 31)
SOURCE = Source("export", FIRST, LAST, "files")
A_DAY = timedelta(days=1)


def _january(*days: int) -> list[date]:
    return [date(2026, 1, day) for day in days]


@given(st.sets(st.dates(FIRST, LAST)).map(sorted))
def test_spans_hold_each_day_once_and_none_that_is_not_late(days: Sequence[date]) -> None:
    spans = list(_spans(days))

    assert [day for span in spans for day in span] == days
    for span in spans:
        assert span[-1] - span[0] == (len(span) - 1) * A_DAY
    for span, following in pairwise(spans):
        assert following[0] - span[-1] > A_DAY


@pytest.mark.parametrize(("span", "first", "last"), [((5,), 4, 6), ((5, 6, 7), 4, 8), ((1,), 1, 2), ((31,), 30, 31)])
def test_a_span_is_built_with_the_days_beside_it_that_the_export_has(
    span: Sequence[int], first: int, last: int
) -> None:
    built = _with_neighbours(_january(*span), SOURCE)

    assert [built.first, built.last] == _january(first, last)
    assert not built.is_rebuild


def test_on_bigquery_a_span_is_built_to_the_newest_day() -> None:
    source = Source("project.dataset", FIRST, LAST, "bigquery")

    assert _with_neighbours(_january(5), source).last == LAST


@pytest.mark.parametrize(
    ("first", "last", "days"), [(3, 5, (3, 4, 5)), (3, None, (3,)), (None, 3, (3,)), (31, 31, (31,))]
)
def test_days_that_are_asked_for(first: int | None, last: int | None, days: Sequence[int]) -> None:
    begin, end = (date(2026, 1, day) if day else None for day in (first, last))

    assert _asked(SOURCE, begin, end) == _january(*days)


@pytest.mark.parametrize(
    ("first", "last"),
    [(date(2026, 1, 5), date(2026, 1, 4)), (date(2025, 12, 31), None), (None, date(2026, 2, 1))],
)
def test_days_that_the_export_lacks_are_refused_with_those_it_has(first: date | None, last: date | None) -> None:
    with pytest.raises(SettingsError, match="no days of the export; it holds 2026-01-01 to 2026-01-31"):
        _asked(SOURCE, first, last)


def test_a_backfill_comes_after_a_run(tmp_path: Path) -> None:
    refused = tactful("backfill", home=tmp_path / "home")

    assert refused.returncode == 2
    assert "`make run` comes first" in refused.stderr


@pytest.mark.parametrize("command", ["run", "backfill"])
def test_beside_a_run_another_one_is_refused_in_one_line(tmp_path: Path, command: str) -> None:
    settings = Settings(home=tmp_path)
    home.prepare(settings)
    (tmp_path / "source.json").write_text('{"export": "simulated"}')

    with home.running(settings):
        refused = tactful(command, home=tmp_path)

    assert (refused.returncode, refused.stdout) == (2, "")
    assert refused.stderr == f"tactful: {tmp_path} is in use by another run: wait for its end.\n"
