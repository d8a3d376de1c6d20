from datetime import UTC, date, datetime

import pytest

from tactful.source import Source

FIRST, NEWEST = date(2026, 1, 5), date(2026, 1, 18)


def _source(kind: str = "files", newest: date = NEWEST) -> Source:
    return Source("/export", FIRST, newest, kind)  # type: ignore[arg-type]


def _at(hour: int, day: int = 19) -> datetime:
    return datetime(2026, 1, day, hour, tzinfo=UTC)


def test_yesterday_is_built_with_the_three_days_that_ga4_may_have_rewritten_and_the_one_before() -> None:
    from orchestration.today import Build, what_today

    assert what_today(_source(), _at(14), 20, NEWEST) == Build(date(2026, 1, 14), NEWEST)


@pytest.mark.parametrize(("built", "first"), [(date(2026, 1, 9), date(2026, 1, 9)), (None, FIRST)])
def test_after_a_pause_all_days_since_are_built(built: date | None, first: date) -> None:
    from orchestration.today import Build, what_today

    assert what_today(_source(), _at(14), 20, built) == Build(first, NEWEST)


def test_no_day_before_the_first_is_built() -> None:
    from orchestration.today import Build, what_today

    built = what_today(_source(newest=date(2026, 1, 6)), _at(14, day=7), 20, FIRST)

    assert built == Build(FIRST, date(2026, 1, 6))


@pytest.mark.parametrize(
    ("hour", "urgency", "ending"),
    [
        (14, "warning", "It is looked for on the hour until 20:00."),
        (19, "warning", "It is looked for on the hour until 20:00."),
        (20, "failure", "It is given up for today."),
    ],
)
def test_a_missing_day_is_waited_for_and_given_up(hour: int, urgency: str, ending: str) -> None:
    from orchestration.today import Wait, what_today

    told = f"2026-01-19 is not there; the newest day of /export is 2026-01-18. {ending}"

    assert what_today(_source(), _at(hour, day=20), 20, NEWEST) == Wait(told, urgency)  # type: ignore[arg-type]


def test_an_export_that_can_t_be_looked_at_is_waited_for_too() -> None:
    from orchestration.today import Wait, what_today

    what = what_today("BigQuery can't be asked: 503.", _at(14), 20, NEWEST)

    assert what == Wait("BigQuery can't be asked: 503. It is looked for on the hour until 20:00.", "warning")


@pytest.mark.parametrize(
    ("kind", "last_day", "due"),
    [
        ("files", None, date(2026, 2, 27)),
        ("bigquery", date(2026, 2, 1), date(2026, 2, 1)),
        ("own", None, NEWEST),
    ],
)
def test_yesterday_is_due_where_the_export_has_no_end(kind: str, last_day: date | None, due: date) -> None:
    from orchestration.today import due_day

    assert due_day(_source(kind), datetime(2026, 2, 28, 14, tzinfo=UTC), last_day) == due
