from datetime import date, timedelta

import pandas as pd

from ml.reference import compared_days
from tactful.seasons import Peak

NEWEST = date(2026, 3, 1)
CALENDAR = [NEWEST - timedelta(days=ago) for ago in range(60)]


def test_a_week_is_compared_with_whole_weeks_before_it() -> None:
    days = compared_days(CALENDAR, NEWEST)

    assert days.window == tuple(CALENDAR[:7])
    assert days.reference == tuple(CALENDAR[7:56])
    assert (days.weeks, days.span) == (7, "2026-02-23 to 2026-03-01")


def test_the_reference_is_what_the_champion_learnt_from() -> None:
    days = compared_days(CALENDAR, NEWEST, learnt=(date(2026, 1, 10), date(2026, 2, 15)))

    assert (min(days.reference), max(days.reference)) == (date(2026, 1, 12), date(2026, 2, 15))
    assert days.weeks == 5


def test_days_too_few_to_compare_with_are_followed_by_the_next_ones() -> None:
    missing = [day for day in CALENDAR if day != date(2026, 1, 20)]
    days = compared_days(missing, NEWEST, learnt=(date(2026, 1, 12), date(2026, 1, 25)))

    assert (min(days.reference), days.weeks) == (date(2026, 1, 12), 4)
    tuesdays = [f"{day:%m-%d}" for day in days.reference if day.weekday() == 1]
    assert tuesdays == ["02-10", "02-03", "01-27", "01-13"]


def test_a_day_that_is_missing_leaves_each_weekday_as_often() -> None:
    days = compared_days([day for day in CALENDAR if day != date(2026, 2, 10)], NEWEST)

    assert days.weeks == 6
    assert pd.Series([day.weekday() for day in days.reference]).value_counts().tolist() == [6] * 7


def test_a_peak_is_compared_with_the_year_before_and_no_other_day() -> None:
    peak = Peak((11, 20), (12, 31))
    calendar = [date(2025, 11, 1) + timedelta(days=ago) for ago in range(420)]

    days = compared_days(calendar, date(2026, 11, 29), [peak], learnt=(date(2026, 8, 1), date(2026, 11, 1)))

    assert days.peak == peak
    assert all(peak.holds(day) for day in (*days.window, *days.reference))
    assert {day.year for day in days.reference if day.month == 12} == {2025}
    assert days.weeks >= 5


def test_days_of_a_peak_are_no_reference_outside_it() -> None:
    calendar = [date(2025, 11, 1) + timedelta(days=ago) for ago in range(100)]

    days = compared_days(calendar, date(2026, 1, 20), [Peak((11, 20), (12, 31))])

    assert days.peak is None
    assert date(2025, 12, 24) not in days.reference
    assert date(2025, 11, 11) in days.reference


def test_a_week_in_which_a_peak_begins_is_cut_to_its_days() -> None:
    days = compared_days(CALENDAR, NEWEST, [Peak((2, 27), (3, 31))])

    assert days.window == tuple(CALENDAR[:3])
    assert (days.reference, days.weeks) == ((), 0)


def test_what_a_user_does_in_a_week_stays_together() -> None:
    days = compared_days(CALENDAR, NEWEST)
    on = pd.Series([CALENDAR[6], CALENDAR[0], CALENDAR[0], CALENDAR[7], CALENDAR[13]])
    users = pd.Series(["returns", "returns", "other", "returns", "returns"])

    units = days.units(on, users)

    assert units.is_current.tolist() == [True, True, True, False, False]
    assert units.cell[0] == units.cell[1] != units.cell[2]
    assert units.cell[3] == units.cell[4]
    # the same weekday, a week before
    assert units.cell[4] == units.cell[0] + 1
