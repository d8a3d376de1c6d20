"""What limits a policy beyond the score: caps and budgets, as pure rules."""

from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from ml.policy import Action, Choice, Reason, fall_back, hold_to_budget, hold_to_cap

SHOW = Choice(Action.SHOW, Reason.ABOVE_THRESHOLD, 0.9)
NOTHING = Choice(Action.NOTHING, Reason.BELOW_THRESHOLD, 0.9)
CAPPED = Choice(Action.NOTHING, Reason.FREQUENCY_CAP, 1.0)
SPENT = Choice(Action.NOTHING, Reason.IMPRESSION_BUDGET, 1.0)


def test_a_cap_lets_through_as_many_as_it_says() -> None:
    assert [hold_to_cap(SHOW, shown, 2) for shown in range(4)] == [SHOW, SHOW, CAPPED, CAPPED]
    assert hold_to_cap(SHOW, 0, 0) == CAPPED


def test_a_budget_lets_through_its_share_of_the_window() -> None:
    assert [hold_to_budget(SHOW, shown, 0.2, 10) for shown in range(4)] == [SHOW, SHOW, SPENT, SPENT]
    assert hold_to_budget(SHOW, 9, 1.0, 10) == SHOW
    assert hold_to_budget(SHOW, 0, 0.0, 10) == SPENT


@given(shown=st.integers(0, 50), cap=st.integers(0, 50), budget=st.floats(0, 1))
def test_who_is_left_alone_stays_so_and_for_the_same_reason(shown: int, cap: int, budget: float) -> None:
    for choice in (NOTHING, fall_back(Reason.NO_CHAMPION), CAPPED):
        for held in (hold_to_cap(choice, shown, cap), hold_to_budget(choice, shown, budget, 100)):
            assert (held.action, held.reason) == (choice.action, choice.reason)


def test_where_a_limit_is_reached_nothing_is_certain_however_it_was_chosen() -> None:
    assert (
        hold_to_cap(NOTHING, 2, 2) == hold_to_budget(NOTHING, 10, 0.1, 100) == replace(NOTHING, action_probability=1.0)
    )
    assert hold_to_cap(NOTHING, 1, 2) == hold_to_budget(NOTHING, 9, 0.1, 100) == NOTHING
