from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from ml.bundle import BundleFeature
from ml.card import Origin, model_card
from ml.evaluation import Scorecard, evaluate
from ml.intervals import Interval
from ml.policy_evaluation import compare_policies, threshold_choices
from ml.training import Fitted

ORIGIN = Origin("2026-01-05", "2026-02-20", is_simulated=True)
TARGET, SCORE = np.arange(1000) < 20, np.linspace(1, 0, 1000)
POLICIES = compare_policies(TARGET, SCORE, 0.6)
CHOICES = threshold_choices(TARGET, SCORE)


@pytest.fixture(scope="module")
def scorecard(popup_model: Fitted[BundleFeature], shop: Callable[..., pd.DataFrame]) -> Scorecard:
    return evaluate(popup_model, shop("converts"), shop("converts", seed=2))


def test_a_card_says_what_it_is_for_from_which_days_and_how_good(
    popup_model: Fitted[BundleFeature], scorecard: Scorecard
) -> None:
    card = model_card(popup_model, scorecard, POLICIES, CHOICES, ORIGIN)
    assert card.startswith("# popup_profile\n\nWill this visitor answer the pop-up")
    assert "Simulated data; says nothing of a real shop. Training days 2026-01-05 to 2026-02-20." in card
    assert f"It ranks better than chance: ROC-AUC {scorecard.roc_auc}" in card
    assert f"| roc_auc | {scorecard.roc_auc.value:.3f} (" in card
    assert "Showing always: 1,000 shown, 20 conversions (2.0%, 1.3% to 3.1%)." in card
    assert all(f"| {name} |" in card for name in scorecard.intervals)
    assert "| 0.8999 | 10% | 100.0%, 83.9% to 100.0% |" in card


def test_a_card_says_where_it_cannot_tell(popup_model: Fitted[BundleFeature], scorecard: Scorecard) -> None:
    unsure = replace(scorecard, roc_auc=Interval(0.6, 0.45, 0.75))
    card = model_card(popup_model, unsure, None, (), ORIGIN)
    assert "**Cannot tell.**" in card
    assert "Showing always" not in card
    assert "Other thresholds" not in card


def test_a_card_of_real_data_does_not_call_them_simulated(
    popup_model: Fitted[BundleFeature], scorecard: Scorecard
) -> None:
    card = model_card(popup_model, scorecard, POLICIES, CHOICES, replace(ORIGIN, is_simulated=False))
    assert "Simulated" not in card
