"""What every model must pass, whatever its family."""

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from ml import bundle, training
from ml.bundle import BundleFeature, Header
from ml.evaluation import Outcomes, scorecard, target_of
from ml.training import Fitted, TooFewPositives

Shop = Callable[..., pd.DataFrame]
Model = Fitted[BundleFeature]


def test_training_and_scoring_leave_the_table_as_it_was(
    fitted: Model, shop: Shop, features: Sequence[BundleFeature]
) -> None:
    table = shop(fitted.spec.label)
    before = table.copy(deep=True)
    training.fit(fitted.spec, table, features).score(table)
    pd.testing.assert_frame_equal(before, table)


def test_the_same_seed_gives_the_same_model_whatever_the_order_of_columns(
    fitted: Model, shop: Shop, features: Sequence[BundleFeature]
) -> None:
    table = shop(fitted.spec.label)
    again = training.fit(fitted.spec, table[table.columns[::-1]], features)
    assert again.threshold == fitted.threshold
    np.testing.assert_array_equal(again.score(table), fitted.score(table))


def test_nulls_and_levels_never_seen_get_a_probability(fitted: Model) -> None:
    strange = pd.DataFrame(
        {"pages": [None, 3.0], "minutes": [np.nan, None], "is_new": [pd.NA, True], "device": [None, "fridge"]}
    )
    score = fitted.score(strange)
    assert np.all((score > 0) & (score < 1))


def test_an_unseen_level_counts_as_a_missing_one(fitted: Model, shop: Shop) -> None:
    table = shop(fitted.spec.label)
    unseen, missing = (fitted.score(table.assign(device=device)) for device in ("fridge", None))
    np.testing.assert_array_equal(unseen, missing)


def test_a_bundle_scores_as_the_model_does_after_saving_and_loading(
    fitted: Model, shop: Shop, header: Header, tmp_path: Path
) -> None:
    table = shop(fitted.spec.label, rows=10_000, seed=2)
    golden = training.golden_rows(fitted, table)
    digest = bundle.write(training.bundle_of(fitted, header), tmp_path, golden)
    loaded = bundle.read(tmp_path, digest)
    assert loaded.score(table) == pytest.approx(fitted.score(table), rel=0, abs=1e-7)


def test_too_few_positives_are_refused_with_their_count(
    fitted: Model, shop: Shop, features: Sequence[BundleFeature]
) -> None:
    spec = fitted.spec
    table = shop(spec.label)
    table[spec.label] = np.arange(len(table)) < 49
    with pytest.raises(TooFewPositives, match=f"49 positive rows of {spec.label} among 600; at least 50"):
        training.fit(spec, table, features)


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
