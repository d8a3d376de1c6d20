import pytest
from hypothesis import given
from hypothesis import strategies as st

from ml.policy import Action, Reason, decide, fall_back, threshold_set

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


def test_the_business_sets_a_threshold_or_leaves_it_to_the_model() -> None:
    assert threshold_set({"threshold": "0.03", "owner": "shop"}) == 0.03
    assert threshold_set({"owner": "shop"}) is None


@pytest.mark.parametrize("value", ["half", "", "1.5", "-0.1", "nan"])
def test_a_threshold_that_is_no_probability_is_refused(value: str) -> None:
    with pytest.raises(ValueError, match=r"threshold is .* between 0 and 1 is needed"):
        threshold_set({"threshold": value})
