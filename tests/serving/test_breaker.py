"""The circuit breaker, whose clock is a number."""

from hypothesis import given
from hypothesis import strategies as st

from serving.breaker import Breaker

# outcomes with the seconds that pass before each
STEPS = st.lists(st.tuples(st.floats(0, 3), st.booleans()), max_size=30)


def test_it_opens_with_the_last_failure_that_is_allowed_and_tries_again_after_a_rest() -> None:
    breaker = Breaker(limit=2, rest=5.0).failed(10.0)
    assert breaker.lets_through(10.0)

    breaker = breaker.failed(11.0)
    assert not breaker.lets_through(15.9)
    assert breaker.lets_through(16.0)


def test_one_more_failure_after_a_rest_opens_it_for_another() -> None:
    breaker = Breaker(limit=1, rest=5.0).failed(0.0).failed(5.0)
    assert not breaker.lets_through(9.0)
    assert breaker.lets_through(10.0)


def test_a_success_closes_it_whatever_was_before() -> None:
    breaker = Breaker(limit=2).failed(0.0).failed(0.0).succeeded().failed(0.0)
    assert breaker.lets_through(0.0)


@given(STEPS, st.integers(1, 4), st.floats(0.1, 2))
def test_it_is_closed_if_and_only_if_too_few_failed_in_a_row_or_enough_time_has_passed(
    steps: list[tuple[float, bool]], limit: int, rest: float
) -> None:
    breaker, now, in_a_row, last = Breaker(limit, rest), 0.0, 0, 0.0
    for passed, is_well in steps:
        now += passed
        assert breaker.lets_through(now) == (in_a_row < limit or now >= last + rest)
        if is_well:
            breaker, in_a_row = breaker.succeeded(), 0
        else:
            breaker, in_a_row, last = breaker.failed(now), in_a_row + 1, now


@given(STEPS, st.integers(1, 4), st.floats(0.1, 2))
def test_it_never_stays_open_for_longer_than_a_rest(steps: list[tuple[float, bool]], limit: int, rest: float) -> None:
    breaker, now = Breaker(limit, rest), 0.0
    for passed, is_well in steps:
        now += passed
        breaker = breaker.succeeded() if is_well else breaker.failed(now)
        assert breaker.lets_through(now + rest)
