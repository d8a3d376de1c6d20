"""What every model must pass, whatever its family."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from ml.bundle import BundleFeature
from ml.evaluation import Outcomes, scorecard, target_of
from ml.specs import BUYER_STAGE, USER_SEGMENTS
from ml.training import Fitted
from tests.ml.checked_models import Checked, checked
from tests.ml.conftest import SPECS

Shop = Callable[..., pd.DataFrame]
Model = Fitted[BundleFeature]


@pytest.fixture(params=[*SPECS, BUYER_STAGE.name, USER_SEGMENTS.name])
def model(request: pytest.FixtureRequest) -> Checked:
    """Each model in turn."""
    return checked(request.param)


def test_training_and_scoring_leave_the_table_as_it_was(model: Checked) -> None:
    table = model.shop()
    before = table.copy(deep=True)
    model.score(model.learn(table))(table)
    pd.testing.assert_frame_equal(before, table)


def test_the_same_seed_gives_the_same_model_whatever_the_order_of_columns(model: Checked) -> None:
    table = model.shop()
    again = model.learn(table[table.columns[::-1]])
    assert model.chosen(again) == model.chosen(model.learnt)
    np.testing.assert_array_equal(model.score(again)(table), model.score(model.learnt)(table))


def test_nulls_and_levels_never_seen_get_an_answer_too(model: Checked) -> None:
    strange = pd.DataFrame(
        {"pages": [None, 3.0], "minutes": [np.nan, None], "is_new": [pd.NA, True], "device": [None, "fridge"]}
    )
    assert model.are_answers(model.score(model.learnt)(strange))


def test_an_unseen_level_counts_as_a_missing_one(model: Checked) -> None:
    table, score = model.shop(), model.score(model.learnt)
    unseen, missing = (score(table.assign(device=device)) for device in ("fridge", None))
    np.testing.assert_array_equal(unseen, missing)


def test_a_bundle_scores_as_the_model_does_after_saving_and_loading(model: Checked, tmp_path: Path) -> None:
    table = model.shop(rows=10_000, seed=2)
    loaded = model.restore(table, tmp_path)
    assert loaded(table) == pytest.approx(model.score(model.learnt)(table), rel=0, abs=1e-7)


def test_too_few_examples_are_refused_with_their_count(model: Checked) -> None:
    error, told = model.refusal
    with pytest.raises(error, match=told):
        model.learn(model.few(model.shop()))


def test_what_there_is_to_learn_is_learnt(fitted: Model, shop: Shop) -> None:
    label = fitted.spec.label
    table = shop(label, seed=2)
    outcomes = Outcomes(target_of(table, label), fitted.score(table), np.arange(len(table)))
    card = scorecard(outcomes, fitted.threshold, train_auc=1.0, resamples=40)
    assert card.roc_auc.low > 0.6
    assert not card.cannot_tell


def test_importance_is_shared_out_and_led_by_what_drives_the_label(fitted: Model) -> None:
    importance = fitted.importance()
    assert next(iter(importance)) == "pages"
    assert sum(importance.values()) == pytest.approx(1)
    assert set(importance) == {"pages", "minutes", "is_new", "device"}
