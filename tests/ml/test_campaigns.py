"""Campaigns: for whom each is right, which one is chosen, and how often each is drawn."""

from collections import Counter
from collections.abc import Callable, Sequence

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from feature_repo.contract import ActivityRule
from ml.campaigns import Campaign, Channel, Condition, Offer
from ml.policy import Action, Choice, Reason, choose, explore, hold_to_budget, hold_to_cap

BASKET = Campaign("basket", Channel.NOTIFICATION, 0.05, 12.0, {"baskets": Condition(1), "idle": Condition(at_most=600)})
PLAIN = Campaign("plain", Channel.POP_UP)
STRIP = Campaign("strip", Channel.EMBED, 0.1, 0.5)
# divisible by 10 times any number of actions up to 5, so that shares of tenths come out even
DRAWS = 600
Rule = Callable[[float], Choice]

offer = st.builds(
    Offer, st.uuids().map(str), st.sampled_from(Channel), st.sampled_from([0.0, 0.3, 0.6]), st.floats(0, 9)
)
offers = st.lists(offer, max_size=4)
shares = st.integers(0, 10).map(lambda tenths: tenths / 10)
scores = st.floats(0, 1)


@pytest.mark.parametrize(
    ("condition", "fulfilled", "unfulfilled"),
    [
        (Condition(at_least=1), [1, 1.0, True, 7], [0, 0.99, False, None, "1", float("nan")]),
        (Condition(at_most=600), [0, 600, 599.9, False], [601, None, "0"]),
        (Condition(at_least=1, at_most=2), [1, 2], [0, 3, None]),
        (Condition(equals="mobile"), ["mobile"], ["Mobile", "", None, 1]),
        (Condition(equals=False), [False], [True, None, "False"]),
        (Condition(equals=3), [3, 3.0], [2, None, "3"]),
    ],
)
def test_a_condition_says_what_a_feature_has_to_be(
    condition: Condition, fulfilled: list[object], unfulfilled: list[object]
) -> None:
    assert [condition.holds(value) for value in fulfilled] == [True] * len(fulfilled)
    assert [condition.holds(value) for value in unfulfilled] == [False] * len(unfulfilled)


def test_a_campaign_fits_where_all_its_conditions_hold_and_a_feature_nobody_has_fulfils_none() -> None:
    assert BASKET.fits({"baskets": 2, "idle": 60.0, "country": "Poland"})
    assert not BASKET.fits({"baskets": 2, "idle": 601.0})
    assert not BASKET.fits({"baskets": 2, "idle": None})
    assert not BASKET.fits({"baskets": 2})
    assert PLAIN.fits({})


def test_what_a_campaign_asks_of_the_session_is_built_by_the_contract_s_rules() -> None:
    when = {"add_to_cart.seconds_since": Condition(at_most=600), "*.count_5m": Condition(2), "country": Condition(1)}
    assert Campaign("basket", Channel.EMBED, when=when).activity == {
        "add_to_cart.seconds_since": ActivityRule("add_to_cart", "seconds_since"),
        "*.count_5m": ActivityRule("*", "count_5m"),
    }


def test_a_campaign_is_offered_from_its_own_threshold_on_or_from_the_one_there_is_otherwise() -> None:
    assert BASKET.offered(0.4) == Offer("basket", Channel.NOTIFICATION, 0.05, 12.0)
    assert PLAIN.offered(0.4) == Offer("plain", Channel.POP_UP, 0.4, 1.0)


@pytest.mark.parametrize(
    ("stated", "told"),
    [
        ({"name": "b", "channel": "email"}, r"'email'.*channel"),
        ({"name": "b"}, "missing required field `channel`"),
        ({"name": "", "channel": "embed"}, "length >= 1"),
        ({"name": "b", "channel": "embed", "value": -1}, r">= 0.*value"),
        ({"name": "b", "channel": "embed", "threshold": 1.5}, r"<= 1.*threshold"),
        ({"name": "b", "channel": "embed", "when": {"scroll.since": {"at_least": 2}}}, "'scroll.since' is no rule"),
        ({"name": "b", "channel": "embed", "when": {".count": {"at_least": 2}}}, "'.count' is no rule"),
        ({"name": "b", "channel": "embed", "when": {"acts": {}}}, "at_least, at_most or equals"),
        ({"name": "b", "channel": "embed", "when": {"acts": {"least": 1}}}, "unknown field `least`"),
        ({"name": "b", "channel": "embed", "when": {"acts": {"at_least": "1"}}}, r"got `str`.*at_least"),
        (
            {"name": "b", "channel": "embed", "when": {"acts": {"at_least": 2, "at_most": 1}}},
            "at least 2 and at most 1",
        ),
    ],
)
def test_a_campaign_that_makes_no_sense_is_refused_by_the_field(stated: dict[str, object], told: str) -> None:
    with pytest.raises(msgspec.ValidationError, match=told):
        msgspec.convert(stated, Campaign)


def test_of_what_the_score_reaches_the_most_valuable_is_shown_and_of_equal_ones_the_first() -> None:
    basket, plain, strip = (campaign.offered(0.4) for campaign in (BASKET, PLAIN, STRIP))
    twin = Offer("twin", Channel.POP_UP, 0.4, 1.0)
    chosen = [choose([strip, plain, twin, basket], score).campaign for score in (0.01, 0.06, 0.5)]
    assert chosen == [None, "basket", "basket"]
    assert choose([strip, plain, twin], 0.5).campaign == "plain"
    assert choose([twin, plain, strip], 0.5).campaign == "twin"
    assert choose([strip], 0.09) == Choice(Action.NOTHING, Reason.BELOW_THRESHOLD, 1.0)
    assert choose([], 0.9) == Choice(Action.NOTHING, Reason.NO_CAMPAIGN, 1.0)


@given(offers, scores)
def test_what_is_chosen_is_reached_and_nothing_that_is_reached_is_worth_more(made: list[Offer], score: float) -> None:
    choice = choose(made, score)
    reached = [each for each in made if score >= each.threshold]
    assert (choice.action is Action.SHOW) == bool(reached)
    if choice.offer is not None:
        assert choice.offer in reached
        assert choice.offer.value == max(each.value for each in reached)


def enumerated(rule: Rule) -> tuple[Counter[str | None], dict[str | None, set[float]]]:
    """How often each action comes over all draws, and the probabilities that its choices state."""
    times: Counter[str | None] = Counter()
    stated: dict[str | None, set[float]] = {}
    for number in range(DRAWS):
        choice = rule((number + 0.5) / DRAWS)
        times[choice.campaign] += 1
        stated.setdefault(choice.campaign, set()).add(choice.action_probability)
    return times, stated


def drawn_by(made: Sequence[Offer], score: float, share: float) -> Rule:
    return lambda drawn: explore(choose(made, score), share, drawn, made)


def embeds(made: Sequence[Offer]) -> list[Offer]:
    return [each for each in made if each.channel is Channel.EMBED]


def held(made: Sequence[Offer], score: float, share: float) -> Rule:
    """The rule of a visitor who was interrupted as often as may be."""
    own, other = drawn_by(made, score, share), drawn_by(embeds(made), score, share)
    return lambda drawn: hold_to_cap(own(drawn), 1, 1, other(drawn) if embeds(made) else None)


@given(offers, scores, shares, st.sampled_from([drawn_by, held]))
def test_each_action_comes_as_often_as_its_probability_says_and_all_sum_to_one(
    made: list[Offer], score: float, share: float, rule: Callable[[Sequence[Offer], float, float], Rule]
) -> None:
    times, stated = enumerated(rule(made, score, share))

    for action, count in times.items():
        (probability,) = stated[action]
        assert count / DRAWS == pytest.approx(probability)
    if share > 0:
        possible = embeds(made) if rule is held else made
        assert times.keys() == {None, *(each.campaign for each in possible)}
    assert sum(probability for (probability,) in stated.values()) == pytest.approx(1)


@given(offers, scores, shares, st.floats(0, 1, exclude_max=True), st.integers(0, 2))
def test_who_was_interrupted_enough_is_interrupted_no_more_but_may_see_what_stands_in_the_page(
    made: list[Offer], score: float, share: float, drawn: float, spent: int
) -> None:
    own, other = drawn_by(made, score, share)(drawn), drawn_by(embeds(made), score, share)(drawn)
    rest = other if embeds(made) else None
    by_cap = hold_to_cap(own, 2, 2, rest)

    assert not by_cap.interrupts
    assert hold_to_budget(by_cap, spent, 0.1, 10, rest) == by_cap
    assert hold_to_cap(own, 1, 2, rest) == own
    if own.interrupts and own.reason is not Reason.EXPLORED:
        assert by_cap.reason is Reason.FREQUENCY_CAP
        assert by_cap.campaign == choose(embeds(made), score).campaign


def test_what_does_not_interrupt_is_not_held() -> None:
    strip = choose([STRIP.offered(0.4)], 0.5)
    assert hold_to_cap(strip, 9, 0, strip) == hold_to_budget(strip, 9, 0.0, 10, strip) == strip
    assert (strip.action, strip.channel, strip.interrupts) == (Action.SHOW, Channel.EMBED, False)
