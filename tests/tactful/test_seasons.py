from datetime import date

import pytest

from tactful.seasons import Peak, peak_on, peaks_of
from tactful.settings import Settings


def test_peaks_are_listed_with_commas() -> None:
    christmas, spring = peaks_of("11-20..12-31, 03-01..03-07")

    assert christmas == Peak((11, 20), (12, 31))
    assert peak_on(date(2026, 3, 7), (christmas, spring)) == spring
    assert peak_on(date(2026, 3, 8), (christmas, spring)) is None
    assert str(christmas) == "11-20..12-31"


def test_a_peak_may_last_over_new_year() -> None:
    peak = Peak.of("12-20..01-06")

    assert [peak.holds(day) for day in (date(2025, 12, 31), date(2026, 1, 6), date(2026, 1, 7))] == [True, True, False]


@pytest.mark.parametrize("text", ["11-20", "11-20..13-01", "02-30..03-01", "11-20..12-31;", "christmas"])
def test_what_is_no_time_of_the_year_is_refused_by_name(text: str) -> None:
    with pytest.raises(ValueError, match=r"11-20|02-30|christmas"):
        peaks_of(text)
    with pytest.raises(ValueError, match="season_peaks"):
        Settings(season_peaks=text)


def test_without_any_there_is_none() -> None:
    assert peaks_of("") == Settings().peaks == ()
