import pytest
from hypothesis import given
from hypothesis import strategies as st

from ml.policy import Action, Reason, decide, fall_back

probabilities = st.floats(0, 1)


@given(probabilities, probabilities)
def test_every_score_and_threshold_lead_to_an_action(score: float, threshold: float) -> None:
    choice = decide(score, threshold)
    assert (choice.action is Action.SHOW) == (score >= threshold)
    assert choice.action_probability == 1.0


@pytest.mark.parametrize("score", [-0.1, 1.1, float("nan")])
def test_a_score_that_is_no_probability_is_refused(score: float) -> None:
    with pytest.raises(ValueError, match="score is"):
        decide(score, 0.5)


@pytest.mark.parametrize("reason", list(Reason))
def test_falling_back_never_interrupts(reason: Reason) -> None:
    assert fall_back(reason).action is Action.NOTHING
