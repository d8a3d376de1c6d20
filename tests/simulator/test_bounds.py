"""The bounds of a shop whose truth is known: nothing is better, and something is as good."""

import json
from datetime import date
from itertools import product

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from simulator import bounds, truth
from simulator.actions import ACTIONS, NOTHING, POP_UP
from simulator.columns import Floats
from simulator.popups import PopUp
from simulator.report import as_json, report
from simulator.shop import Shop
from simulator.truth import Truth

SHOP = Shop(days=7, sessions_per_day=5_000, opens=date(2026, 1, 5), pop_up=PopUp("randomised"))


@pytest.fixture(scope="module")
def known() -> Truth:
    return truth.of(SHOP)


@pytest.fixture(scope="module")
def asked(known: Truth) -> Floats:
    return known.converts[:, POP_UP]


def greedy(values: Floats, budget: float) -> Floats:
    """The policy that does the best at the moments where it gains most, as far as the budget goes."""
    gain = values.max(axis=1) - values[:, NOTHING]
    place = np.argsort(np.argsort(-gain))
    shown = np.clip(budget * len(values) - place, 0, 1)[:, None]
    policy: Floats = shown * np.eye(len(ACTIONS))[values.argmax(axis=1)] + (1 - shown) * np.eye(len(ACTIONS))[NOTHING]
    return policy


def test_bayes_auc_and_average_precision_agree_by_two_routes(asked: Floats) -> None:
    auc, precision = bounds.drawn(asked, 600)
    assert bounds.roc_auc(asked) == pytest.approx(auc, abs=0.002)
    assert bounds.average_precision(asked) == pytest.approx(precision, rel=0.03)


def test_the_aucs_of_draws_fall_around_the_bayes_auc_and_the_wider_the_fewer_moments_there_are(asked: Floats) -> None:
    low, high = bounds.auc_range(asked, 400)
    lower, higher = bounds.auc_range(asked[: len(asked) // 5], 400)
    assert low < bounds.roc_auc(asked) < high
    assert higher - lower > 1.5 * (high - low)


def test_a_share_of_the_aucs_of_draws_falls_within_their_range(asked: Floats) -> None:
    rng = np.random.default_rng(9)
    low, high = bounds.auc_range(asked, 1_000)
    aucs = [roc_auc_score(rng.random(len(asked)) < asked, asked) for _ in range(300)]
    assert np.mean([low <= auc <= high for auc in aucs]) == pytest.approx(0.95, abs=0.04)


def test_the_last_fifth_is_that_of_time(known: Truth) -> None:
    figures = report(SHOP, known, repetitions=20)["roc_auc_of_last_fifth"]
    latest = known.converts[known.at_us >= np.quantile(known.at_us, 0.8), POP_UP]
    assert figures["moments"] == pytest.approx(len(latest), abs=1)
    assert figures["positives_expected"] == pytest.approx(latest.sum(), abs=1)


def test_the_auc_of_probabilities_that_are_all_the_same_is_a_half() -> None:
    assert bounds.roc_auc(np.full(10, 0.3)) == pytest.approx(0.5)


def test_no_ranking_has_a_higher_auc_than_the_true_one(asked: Floats) -> None:
    """Of labels drawn from the truth, ranked by it and by the truth with noise."""
    rng = np.random.default_rng(0)
    noisy = asked * np.exp(rng.normal(0, 1, len(asked)))
    pairs = asked[:, None] * (1 - asked)
    better = noisy[:, None] > noisy
    assert (pairs * better).sum() / pairs.sum() < bounds.roc_auc(asked)


def test_no_policy_is_worth_more_than_the_best_within_its_budget(known: Truth) -> None:
    values = known.converts
    rng = np.random.default_rng(1)
    for budget in bounds.BUDGETS:
        shown = rng.random(len(known)) < budget
        action = np.where(shown, rng.integers(1, len(ACTIONS), len(known)), NOTHING)
        policy = np.eye(len(ACTIONS))[action]
        assert bounds.value(values, policy) <= bounds.best_value(values, shown.mean())
    worth = [bounds.best_value(values, budget) for budget in bounds.BUDGETS]
    assert worth == sorted(worth)
    assert worth[0] == pytest.approx(values[:, NOTHING].mean())


@pytest.mark.parametrize("budget", [*bounds.BUDGETS, 0.29, 0.123_45])
@pytest.mark.parametrize("worth", ["conversions", "dollars"])
def test_the_greedy_policy_is_worth_the_best(known: Truth, budget: float, worth: str) -> None:
    values = known.converts if worth == "conversions" else bounds.Worth().of(known)
    policy = greedy(values, budget)
    assert 1 - policy[:, NOTHING].mean() <= budget + 1e-9
    assert bounds.best_value(values, budget) == pytest.approx(bounds.value(values, policy), rel=1e-9)


@pytest.mark.parametrize("shown", range(5))
def test_the_best_of_all_policies_is_the_best(shown: int) -> None:
    values = np.array([[0.3, 0.5, 0.1], [0.2, 0.1, 0.0], [0.0, 0.1, 0.7], [0.4, 0.4, 0.5]])
    policies = (actions for actions in product(range(3), repeat=4) if np.count_nonzero(actions) <= shown)
    best = max(bounds.value(values, np.eye(3)[list(actions)]) for actions in policies)
    assert bounds.best_value(values, shown / 4) == pytest.approx(best)


def test_no_moment_of_the_budget_is_lost_to_rounding() -> None:
    """0.29 * 100 is 28.999..., and what is left of a budget goes to the next moment with a probability."""
    values = np.tile([0.0, 1.0], (100, 1))
    assert bounds.best_value(values, 0.29) == pytest.approx(0.29)
    assert bounds.best_value(values, 0.295) == pytest.approx(0.295)


def test_a_policy_s_value_is_what_it_earns(known: Truth) -> None:
    """The value of the policy that was followed is the conversions that came, but for chance."""
    shares = np.tile(np.bincount(known.action, minlength=len(ACTIONS)) / len(known), (len(known), 1))
    value = bounds.value(known.converts, shares)
    assert abs(known.has_converted.mean() - value) < 4 * np.sqrt(value / len(known))


def test_the_report_says_that_it_is_about_nobody_real(known: Truth) -> None:
    figures = report(SHOP, known, repetitions=20)
    assert "nothing" in figures["about"] or "no figure" in figures["about"]
    assert figures["moments"] == len(known)
    assert sum(figures["stages"].values()) == pytest.approx(1)


def test_a_policy_may_choose_from_the_pop_up_alone_or_from_offers_too(known: Truth) -> None:
    for worth in ("conversions_a_1000_moments", "dollars_a_1000_moments"):
        figures = report(SHOP, known, repetitions=1)[worth]
        alone, offers = figures["pop_up_alone"], figures["pop_up_or_offer"]
        assert offers.keys() - alone.keys() == {"randomised"}
        assert alone["never"] == offers["never"] == pytest.approx(alone["best_within_0%"])
        assert alone["always_at_exit"] < alone["best_within_100%"] < offers["best_within_100%"]


def test_the_report_says_which_world_it_is_about(known: Truth) -> None:
    figures = report(SHOP, known, repetitions=1)
    world = ("seed", "first_day", "days", "sessions_per_day", "time_zone")
    assert [figures[name] for name in world] == [7, "2026-01-05", 7, 5_000, "UTC"]


@pytest.mark.filterwarnings("error")
def test_what_can_t_be_known_of_a_world_without_moments_is_null() -> None:
    shop = Shop(days=1, sessions_per_day=3)
    known = truth.of(shop)
    figures = json.loads(as_json(report(shop, known)))
    assert figures["moments"] == len(known) == 0
    assert figures["seed"] == shop.seed
    policies = [*figures["conversions_a_1000_moments"].values(), *figures["dollars_a_1000_moments"].values()]
    for part in (figures["bayes"], *policies, figures["stages"], figures["segments"]):
        assert set(part.values()) == {None}
    assert figures["roc_auc_of_last_fifth"] == {"moments": 0, "positives_expected": 0, "low": None, "high": None}
    assert figures["uplift"]["quantiles"]["50%"] is None


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("probability", [np.zeros(0), np.zeros(3), np.ones(3)])
def test_the_auc_of_one_class_is_not_a_number(probability: Floats) -> None:
    assert np.isnan(bounds.roc_auc(probability))
    assert np.isnan(bounds.drawn(probability, 2)[0])
    assert np.isnan(bounds.auc_range(probability, 2)).all()
