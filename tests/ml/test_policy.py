import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ml.policy import Action, Reason, decide, explore, fall_back, threshold_set

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


@given(probabilities, probabilities, probabilities)
def test_the_probabilities_of_the_actions_sum_to_one(score: float, threshold: float, share: float) -> None:
    own = decide(score, threshold)
    # the draws at which either action comes, and those that leave the score's
    choices = [explore(own, share, drawn) for drawn in (0.0, share / 2, 0.75 * share, share)]
    of_action = {choice.action: choice.action_probability for choice in choices}

    assert all(of_action[choice.action] == choice.action_probability for choice in choices)
    assert of_action[own.action] == 1 - share / 2
    assert sum(of_action.values()) == pytest.approx(1 if len(of_action) == 2 else 1 - share / 2)
    assert {choice.reason for choice in choices} <= {own.reason, Reason.EXPLORED}


@pytest.mark.parametrize("score", [0.1, 0.9])
def test_actions_come_as_often_as_their_probabilities_say(score: float) -> None:
    draw, own = random.Random(7), decide(score, 0.5)
    chosen = [explore(own, 0.2, draw.random()) for _ in range(20_000)]

    for action in Action:
        of_it = [choice for choice in chosen if choice.action is action]
        # three standard errors of a share of 0.1 or 0.9
        assert len(of_it) / len(chosen) == pytest.approx(of_it[0].action_probability, abs=3 * (0.09 / 20_000) ** 0.5)
    explored = [choice for choice in chosen if choice.reason is Reason.EXPLORED]
    assert len(explored) / len(chosen) == pytest.approx(0.2, abs=3 * (0.16 / 20_000) ** 0.5)
    assert {choice.action for choice in explored} == set(Action)


def test_who_explores_nothing_does_what_the_score_says() -> None:
    assert explore(decide(0.7, 0.5), 0.0, 0.0) == decide(0.7, 0.5)


@pytest.mark.parametrize("share", [-0.1, 1.1, float("nan")])
def test_a_share_that_is_no_probability_is_refused(share: float) -> None:
    with pytest.raises(ValueError, match="share is"):
        explore(decide(0.7, 0.5), share, 0.5)


def test_the_business_sets_a_threshold_or_leaves_it_to_the_model() -> None:
    assert threshold_set({"threshold": "0.03", "owner": "shop"}) == 0.03
    assert threshold_set({"owner": "shop"}) is None


@pytest.mark.parametrize("value", ["half", "", "1.5", "-0.1", "nan"])
def test_a_threshold_that_is_no_probability_is_refused(value: str) -> None:
    with pytest.raises(ValueError, match=r"threshold is .* between 0 and 1 is needed"):
        threshold_set({"threshold": value})
