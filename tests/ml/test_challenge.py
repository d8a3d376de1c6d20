"""A new version passes gate and shadow before the alias moves, and what was found is on record."""

from dataclasses import replace
from typing import Any

import pandas as pd
import pytest
import xgboost as xgb

from ml.bundle import Bundle
from ml.challenge import Challenge, contest
from ml.evaluation import Outcomes, scorecard
from ml.gate import GateOutcome
from ml.registry import Registry
from ml.specs import POPUP_PROFILE
from ml.terms import Terms
from tests.ml import rivals
from tests.ml.conftest import HEADER

# MLflow warns of a type hint of its own when it is imported
pytestmark = pytest.mark.filterwarnings("ignore:.*Any type hint is inferred")

TERMS = Terms(HEADER.contract_checksum, HEADER.conversion_event, 0.4, is_simulated=True, whole_sessions=1.0)
SHOP = rivals.shop()


class Shop:
    """Releases of one model, one after the other, on the same days."""

    def __init__(self, registry: Registry, name: str) -> None:
        self.registry, self.spec = registry, replace(POPUP_PROFILE, name=name)

    def release(self, version: Bundle, terms: Terms = TERMS, tags: dict[str, str] | None = None) -> GateOutcome:
        number = rivals.add_version(self.registry, self.spec.name, version, tags)
        users = pd.factorize(SHOP["user_pseudo_id"])[0]
        outcomes = Outcomes(SHOP["converts"].to_numpy(), version.score(SHOP), users)
        card = scorecard(outcomes, version.header.threshold, 0.8, resamples=50)
        return contest(Challenge(self.spec, number, SHOP, SHOP, card), self.registry, terms)

    @property
    def champion(self) -> str | None:
        found = self.registry.champion(self.spec.name)
        return found.version if found else None


@pytest.fixture
def releases(mlflow_registry: Registry, request: pytest.FixtureRequest) -> Shop:
    return Shop(mlflow_registry, request.node.name)


def _weak() -> Bundle:
    """The good model without most of its trees: better than chance, and far from the whole."""
    good = rivals.good()
    return replace(good, booster=good.booster[:1])  # type: ignore[index]


def test_the_shadow_is_over_what_the_service_has_decided_about(releases: Shop) -> None:
    read = [feature.name for feature in rivals.good().features]
    logged: list[dict[str, Any]] = [
        dict(zip(read, row, strict=True)) for row in SHOP[read].to_numpy(dtype=object).tolist()
    ]

    releases.release(rivals.good(), replace(TERMS, logged=logged))

    (move,) = releases.registry.ledger.moves(releases.spec.name)
    assert (move.evidence["shadow"]["kind"], move.evidence["shadow"]["rows"]) == ("decisions on record", len(SHOP))
    assert f"In the shadow it scores {len(SHOP):,} decisions on record" in move.reason


def test_the_first_version_is_champion_if_it_beats_chance(releases: Shop) -> None:
    outcome = releases.release(rivals.good())
    assert outcome.is_passed
    assert outcome.reason.startswith("Better than chance")
    assert "In the shadow it scores" in outcome.reason
    (move,) = releases.registry.ledger.moves(releases.spec.name)
    assert (move.asked_by, move.to_version, move.reason) == ("gate", "1", outcome.reason)
    assert move.evidence["shadow"]["failed"] == 0
    assert move.evidence["data_until"] == SHOP["event_timestamp"].max().isoformat()


def test_the_same_model_again_leaves_the_first_champion(releases: Shop) -> None:
    releases.release(rivals.good())
    again = releases.release(rivals.good())
    assert (again.is_passed, releases.champion) == (False, "1")
    assert again.reason.startswith("Cannot tell from the champion: ROC-AUC differs by 0.000 (0.000 to 0.000)")
    assert again.reason.endswith("Version 1 stays champion.")


def test_a_better_one_takes_over_with_its_figures_on_record(releases: Shop) -> None:
    releases.release(_weak())
    outcome = releases.release(rivals.good())
    assert outcome.reason.startswith("Better than the champion: ROC-AUC differs by 0.")
    assert releases.champion == "2"
    move = releases.registry.ledger.moves(releases.spec.name)[-1]
    assert move.evidence["comparison"]["roc_auc_difference_low"] > 0
    assert move.evidence["shadow"]["champion_share"] is not None
    assert releases.registry.version_at(releases.spec.name, "challenger") is None


def test_one_that_ranks_alike_takes_over_where_the_champion_expects_too_few_to_answer(releases: Shop) -> None:
    right = rivals.good()
    releases.release(replace(right, calibration=replace(right.calibration, intercept=right.calibration.intercept - 2)))
    outcome = releases.release(right)
    assert outcome.reason.startswith("Better calibrated than the champion: calibration error differs by -0.")
    assert "and ROC-AUC differs by 0.000 (0.000 to 0.000)" in outcome.reason
    assert releases.champion == "2"


def test_a_worse_one_stays_out(releases: Shop) -> None:
    releases.release(rivals.good())
    outcome = releases.release(_weak())
    assert outcome.reason.startswith("Worse than the champion: ROC-AUC by -0.")
    assert releases.champion == "1"


def test_one_that_shows_more_than_the_budget_stays_out(releases: Shop) -> None:
    shows_all = replace(rivals.good(), header=replace(HEADER, threshold=0.0))
    assert releases.release(shows_all).reason.startswith("Shows too many: it shows 100%")
    assert releases.champion is None


def test_how_many_are_shown_is_for_the_business_to_say_once_it_set_the_threshold(releases: Shop) -> None:
    releases.release(rivals.bad())
    releases.registry.set_threshold(releases.spec.name, 0.01)
    outcome = releases.release(rivals.good())
    assert outcome.is_passed
    (move,) = releases.registry.ledger.moves(releases.spec.name)
    assert move.evidence["shadow"]["challenger_share"] > 0.45


def test_a_champion_for_another_impression_budget_makes_way_without_a_comparison(releases: Shop) -> None:
    releases.release(rivals.good(), tags={"impression_budget": "0.4"})
    same = releases.release(_weak(), tags={"impression_budget": "0.4"})
    assert same.reason.startswith("Worse than the champion")
    more = replace(TERMS, impression_budget=0.5)
    assert releases.release(_weak(), more, {"impression_budget": "0.5"}).reason.startswith("Better than chance")
    assert releases.champion == "3"


def test_m09_a_model_of_equal_scores_is_refused(releases: Shop) -> None:
    good = rivals.good()
    constant = replace(good, calibration=replace(good.calibration, slope=0.0))
    outcome = releases.release(constant)
    assert "It can't tell rows apart: it gives all 20 golden rows the same score" in outcome.reason
    assert releases.champion is None


def test_m09_a_model_without_trees_is_refused(releases: Shop) -> None:
    good = rivals.good()
    matrix = xgb.DMatrix(good.encoding.transform(SHOP), SHOP["converts"])
    outcome = releases.release(replace(good, booster=xgb.train({}, matrix, num_boost_round=0)))
    assert "It can't tell rows apart: it has no trees." in outcome.reason
    assert releases.champion is None


def test_a_champion_of_another_contract_is_not_compared_with_and_goes_if_nobody_passes(releases: Shop) -> None:
    releases.release(rivals.good())
    anew = replace(TERMS, contract_checksum="another")
    assert releases.release(_weak(), anew, {"contract": "another"}).reason.startswith("Better than chance")
    assert releases.champion == "2"
    outcome = releases.release(rivals.bad())
    assert "is champion no more" in outcome.reason
    assert releases.champion is None
