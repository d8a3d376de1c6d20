from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tactful.peaks import Peak, peaks_of

A_DAY = st.dates(date(2023, 1, 1), date(2025, 12, 31))


@given(A_DAY, A_DAY)
def test_a_peak_is_read_as_it_is_written(first: date, last: date) -> None:
    peak = Peak((first.month, first.day), (last.month, last.day))

    assert Peak.from_text(str(peak)) == peak
    assert first in peak
    assert last in peak


@pytest.mark.parametrize(
    ("peak", "day", "is_in"),
    [
        ("11-20/12-26", date(2026, 11, 19), False),
        ("11-20/12-26", date(2027, 12, 1), True),
        ("11-20/12-26", date(2027, 12, 27), False),
        ("12-20/01-06", date(2026, 12, 31), True),
        ("12-20/01-06", date(2027, 1, 1), True),
        ("12-20/01-06", date(2027, 1, 7), False),
        ("02-29/02-29", date(2028, 2, 29), True),
    ],
)
def test_a_peak_holds_its_days_every_year_and_may_go_on_over_new_year(peak: str, day: date, is_in: bool) -> None:
    assert (day in Peak.from_text(peak)) == is_in


def test_several_are_written_with_commas_between_and_none_as_nothing() -> None:
    assert [str(peak) for peak in peaks_of("11-20/12-26, 02-10/02-14")] == ["11-20/12-26", "02-10/02-14"]
    assert peaks_of(" ") == ()


@pytest.mark.parametrize("text", ["november", "11-20", "11-31/12-01", "13-01/12-01", "1-2/3-4", "11-20/12-26,"])
def test_what_names_no_days_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="is no season: month-day/month-day is needed, as 11-20/12-26"):
        peaks_of(text)
