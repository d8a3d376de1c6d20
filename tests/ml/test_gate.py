from dataclasses import replace

import numpy as np
import pytest

from ml.evaluation import Interval, Outcomes, scorecard
from ml.gate import judge, may_stay
from ml.registry import ChampionVersion


@pytest.mark.parametrize(("low", "is_passed"), [(0.49, False), (0.5, False), (0.51, True), (float("nan"), False)])
def test_a_version_passes_when_its_interval_lies_above_chance(low: float, is_passed: bool) -> None:
    rng = np.random.default_rng(0)
    target = rng.random(200) < 0.2
    outcomes = Outcomes(target, rng.random(200), np.arange(200))
    card = replace(scorecard(outcomes, 0.5, 0.5, seed=1, resamples=20), roc_auc=Interval(0.7, low, 0.9))

    assert judge(card, whole_sessions=1.0).is_passed == is_passed


def test_figures_on_broken_sessions_pass_nothing() -> None:
    target = np.arange(200) < 40
    card = scorecard(Outcomes(target, target.astype(float), np.arange(200)), 0.5, 0.5, seed=1, resamples=20)

    assert judge(card, whole_sessions=1.0).is_passed
    assert not judge(card, whole_sessions=0.08).is_passed


@pytest.mark.parametrize(
    ("event", "contract", "stays"), [("e", "c", True), ("other", "c", False), ("e", "other", False)]
)
def test_a_champion_stays_while_event_and_contract_are_its_own(event: str, contract: str, stays: bool) -> None:
    champion = ChampionVersion("m", "1", "digest", "run", {"conversion_event": "e", "contract": "c"})

    assert may_stay(champion, event, contract) == stays
    assert not may_stay(None, event, contract)
