"""The truth of a shop: what is realised is what it says, and nothing but it knows it."""

from dataclasses import replace
from datetime import date
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
from scipy.stats import chisquare

from feature_repo import contract
from simulator import bounds, export, truth
from simulator.actions import ACTIONS, NOTHING, POP_UP
from simulator.population import Population
from simulator.popups import PopUp
from simulator.report import report
from simulator.scenarios import compose
from simulator.shop import Shop
from simulator.truth import Truth
from tactful.settings import Settings, SettingsError, load

SHOP = Shop(days=4, sessions_per_day=20_000, pop_up=PopUp("randomised"))


@pytest.fixture(scope="module")
def known() -> Truth:
    return truth.of(SHOP)


@pytest.fixture(scope="module")
def asked(known: Truth) -> np.ndarray:
    return known.converts[:, POP_UP]


def test_visitors_convert_as_often_as_the_truth_says(known: Truth) -> None:
    """In each tenth of the moments, ordered by the probability under the action that was taken."""
    probability = known.converts[np.arange(len(known)), known.action]
    tenths = np.array_split(np.argsort(probability), 10)
    expected = np.array([probability[tenth].sum() for tenth in tenths])
    realised = np.array([known.has_converted[tenth].sum() for tenth in tenths])
    left_out = [len(tenth) for tenth in tenths] - expected
    # tenths with fewer than five expected conversions are one class
    rare = expected < 5
    cells = np.append(expected[~rare], [expected[rare].sum(), left_out.sum()])
    found = np.append(realised[~rare], [realised[rare].sum(), len(known) - realised.sum()])
    assert chisquare(found, cells * found.sum() / cells.sum()).pvalue > 0.001


def test_actions_are_taken_as_often_as_their_propensity_says(known: Truth) -> None:
    shares = np.bincount(known.action, minlength=len(ACTIONS)) / len(known)
    stated = {action: known.propensity[known.action == action].mean() for action in set(known.action.tolist())}
    for action, propensity in stated.items():
        assert abs(shares[action] - propensity) < 4 * np.sqrt(propensity * (1 - propensity) / len(known))


def test_some_are_persuaded_some_would_anyway_and_some_are_put_off(known: Truth) -> None:
    uplift = known.uplift(POP_UP)
    assert (uplift > 0.005).any()
    assert (uplift < -0.005).any()
    assert (known.converts[:, NOTHING] > 0.02).any()
    assert (known.is_lost[:, POP_UP] > known.is_lost[:, NOTHING]).any()


def test_bayes_auc_and_average_precision_agree_by_two_routes(asked: np.ndarray) -> None:
    auc, precision = bounds.drawn(asked, 600)
    assert bounds.roc_auc(asked) == pytest.approx(auc, abs=0.002)
    assert bounds.average_precision(asked) == pytest.approx(precision, rel=0.03)


def test_the_auc_of_probabilities_that_are_all_the_same_is_a_half() -> None:
    assert bounds.roc_auc(np.full(10, 0.3)) == pytest.approx(0.5)


def test_no_ranking_has_a_higher_auc_than_the_true_one(asked: np.ndarray) -> None:
    """Of labels drawn from the truth, ranked by it and by the truth with noise."""
    rng = np.random.default_rng(0)
    noisy = asked * np.exp(rng.normal(0, 1, len(asked)))
    pairs = (asked[:, None] * (1 - asked)[None, :])[:2000, :2000]
    better = noisy[:2000, None] > noisy[None, :2000]
    assert (pairs * better).sum() / pairs.sum() < bounds.roc_auc(asked[:2000])


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


def test_a_policy_s_value_is_what_it_earns(known: Truth) -> None:
    """The value of the policy that was followed is the conversions that came, but for chance."""
    shares = np.tile(np.bincount(known.action, minlength=len(ACTIONS)) / len(known), (len(known), 1))
    value = bounds.value(known.converts, shares)
    assert abs(known.has_converted.mean() - value) < 4 * np.sqrt(value / len(known))


def test_a_day_s_truth_does_not_depend_on_the_days_asked_for_before() -> None:
    shop = replace(SHOP, sessions_per_day=500)
    day = shop.calendar[2]
    population = Population(shop)
    for earlier in shop.calendar[:2]:
        truth.on_day(population, earlier)
    assert truth.on_day(population, day).table().equals(truth.on_day(Population(shop), day).table())


def test_each_decision_of_the_export_has_its_truth(tmp_path: Path) -> None:
    shop = Shop(days=2, sessions_per_day=800)
    export.write(tmp_path / "export", shop)
    known = truth.write(tmp_path / "truth", shop)
    shown = set()
    for file in (tmp_path / "export").iterdir():
        for name, params in zip(
            *(pq.read_table(file)[column].to_pylist() for column in ("event_name", "event_params")), strict=True
        ):
            if name == "popup_view":
                shown.add(next(param["value"]["string_value"] for param in params if param["key"] == "decision_id"))
    written = [pq.read_table(file) for file in sorted((tmp_path / "truth").glob("moments_*.parquet"))]
    assert (
        shown
        == set(known.decision_id.to_pylist())
        == {name for day in written for name in day["decision_id"].to_pylist()}
    )


@pytest.mark.parametrize("name", ["home", "export"])
@pytest.mark.parametrize("place", [".", "inside", ".."])
def test_no_setting_may_name_the_truth(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, place: str) -> None:
    folder = tmp_path / "somewhere" / "truth"
    truth.write(folder, Shop(days=1, sessions_per_day=50))
    (folder / "inside").mkdir()
    monkeypatch.setenv(f"TACTFUL_{name.upper()}", str(folder / place))

    with pytest.raises(SettingsError, match="holds the truth of a simulated shop"):
        load(remembered=False)


def test_no_column_that_is_learnt_from_is_one_of_the_truth(manifest: Path, known: Truth) -> None:
    tables = contract.load(manifest)
    hidden = set(known.table().column_names) - {"decision_id", "user_pseudo_id", "propensity"}
    assert not hidden & {column.name for table in tables for column in table.columns}


def test_the_report_says_that_it_is_about_nobody_real(known: Truth) -> None:
    figures = report(SHOP, known, repetitions=20)
    assert "nothing" in figures["about"] or "no figure" in figures["about"]
    assert figures["moments"] == len(known)
    assert sum(figures["stages"].values()) == pytest.approx(1)
    best, always = (figures["conversions_a_1000_moments"][name] for name in ("best_within_100%", "always_at_exit"))
    assert best > always


def test_a_home_without_truth_is_a_home(tmp_path: Path) -> None:
    assert Settings(home=tmp_path).home == tmp_path


def test_days_of_drifts_are_written(tmp_path: Path) -> None:
    shop = compose("drift_abrupt", Shop(days=3, sessions_per_day=50))
    truth.write(tmp_path, shop)
    assert (tmp_path / "drifts.json").read_text().count(str(date(2026, 1, 7))) == 1
