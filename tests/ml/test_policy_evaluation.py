from math import isnan

import numpy as np
import pytest

from ml.campaigns import Channel, Offer
from ml.policy import Action, choose, decide, explore
from ml.policy_evaluation import compare_policies, inverse_propensity, recommendation, threshold_choices


def test_the_model_is_set_beside_showing_always() -> None:
    target = np.array([True] * 17 + [False] * 983)
    score = np.concatenate([np.full(13, 0.9), np.full(4, 0.1), np.full(400, 0.9), np.full(583, 0.1)])
    found = compare_policies(target, score, 0.5)
    assert (found.always.impressions, found.always.conversions) == (1000, 17)
    assert (found.model.impressions, found.model.conversions) == (413, 13)
    assert found.model.conversion_rate.value == pytest.approx(13 / 413)
    # 13 of 17 is the recall that a test set of case study 000's size can give
    assert found.conversions_kept.low == pytest.approx(0.53, abs=0.01)
    assert found.conversions_kept.high == pytest.approx(0.90, abs=0.01)


def test_a_threshold_that_nobody_reaches_defines_no_rate() -> None:
    found = compare_policies(np.array([True, False]), np.array([0.1, 0.2]), 0.9)
    assert found.model.impressions == 0
    assert isnan(found.model.conversion_rate.value)
    assert found.conversions_kept.value == 0


def test_without_conversions_no_share_of_them_is_kept() -> None:
    assert isnan(compare_policies(np.array([False]), np.array([0.9]), 0.5).conversions_kept.value)


def test_other_thresholds_go_from_few_shown_to_all() -> None:
    score = np.linspace(0, 1, 101)
    choices = threshold_choices(score > 0.9, score)
    shown = [round(choice.impressions_share * 101) for choice in choices]
    assert shown == [6, 11, 21, 31, 41, 51, 61, 82, 101]
    assert [choice.conversions_kept.value for choice in choices[:2]] == [0.6, 1.0]
    assert all(choice.threshold == min(score[score >= choice.threshold]) for choice in choices)


def test_equal_scores_are_shown_together() -> None:
    (choice,) = threshold_choices(np.array([True, False, False]), np.full(3, 0.2))
    assert (choice.threshold, choice.impressions_share) == (0.2, 1.0)


def kept(of_conversions: int, conversions: int, cannot_tell: bool = False) -> str:
    target = np.arange(1_000) < conversions
    score = np.where(np.arange(1_000) < of_conversions, 0.9, 0.1)
    return recommendation(compare_policies(target, score, 0.5), cannot_tell)


def test_case_study_000_s_test_set_is_too_small_to_let_the_model_decide() -> None:
    """Its 13 of 17 converters are a recall between 0.53 and 0.90."""
    told = kept(13, 17)
    assert told.startswith("Try it on some of the visitors")
    assert "from 53% to 90% of the conversions. 277 conversions, 16 times as many" in told


def test_many_conversions_kept_let_the_model_decide() -> None:
    assert kept(97, 100).startswith("Let it decide: it shows 10% of the pop-ups, and keeps at least 92%")


def test_a_model_like_chance_decides_nothing() -> None:
    assert kept(97, 100, cannot_tell=True).startswith("Leave visitors to the policy that they have now")


def test_a_log_that_explores_tells_without_bias_what_another_policy_would_have_had() -> None:
    """Shown visitors convert by their score, others half as often; each of 200 logs guesses, their mean is right."""
    random = np.random.default_rng(7)
    score = random.uniform(size=500)
    truths, guesses = [], []
    for show in (score >= 0.8, score < 0.5):
        truth = float(np.where(show, score, score / 2).mean())
        for _ in range(200):
            log = [
                explore(decide(each, 0.5), 0.3, drawn)
                for each, drawn in zip(score, random.uniform(size=500), strict=True)
            ]
            was_shown = np.array([choice.action is Action.SHOW for choice in log])
            target = random.uniform(size=500) < np.where(was_shown, score, score / 2)
            probability = np.array([choice.action_probability for choice in log])
            guesses.append(inverse_propensity(target, show, was_shown, probability) - truth)
            truths.append(float(target.mean()) - truth)
    off = np.reshape(guesses, (2, 200))
    assert np.abs(off.mean(axis=1) / (off.std(axis=1) / 200**0.5)).max() < 3
    # what the log itself had is another thing
    plain = np.reshape(truths, (2, 200))
    assert np.abs(plain.mean(axis=1) / (plain.std(axis=1) / 200**0.5)).max() > 10


def test_a_log_that_draws_campaigns_tells_what_another_choice_among_them_would_have_had() -> None:
    """Over all draws, since each comes as often as it is told to, what is told is exact."""
    offers = [Offer("basket", Channel.NOTIFICATION, 0.5, 2.0), Offer("strip", Channel.EMBED, 0.1, 1.0)]
    converting = {None: 0.1, "basket": 0.3, "strip": 0.7}
    log = [explore(choose(offers, 0.6), 0.3, (number + 0.5) / 600, offers) for number in range(600)]
    logged = np.array([choice.campaign for choice in log])
    target = np.array([converting[campaign] for campaign in logged])
    probability = np.array([choice.action_probability for choice in log])

    for campaign, truth in converting.items():
        taken = np.full(600, campaign, dtype=object)
        assert inverse_propensity(target, taken, logged, probability) == pytest.approx(truth)
