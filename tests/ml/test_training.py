import doctest
import json
from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from ml import training
from ml.bundle import BundleFeature
from ml.datasets import DatasetError, columns_of
from ml.evaluation import evaluate
from ml.specs import POPUP_PROFILE, PURCHASE_PROPENSITY
from ml.training import Fitted, TooFewPositives
from tests.ml.conftest import build_shop

Shop = Callable[..., pd.DataFrame]


def test_the_documented_example_runs() -> None:
    results = doctest.testmod(training)
    assert (results.failed, results.attempted > 0) == (0, True)


def test_the_candidates_are_compared_and_the_best_by_the_metric_wins(
    shop: Shop, features: Sequence[BundleFeature]
) -> None:
    fitted = training.fit(PURCHASE_PROPENSITY, shop("will_purchase_7d"), features)
    means = [trial.mean for trial in fitted.trials]
    assert means == sorted(means, reverse=True)
    assert {trial.candidate.family for trial in fitted.trials} == {
        "logistic_regression",
        "random_forest",
        "xgboost",
    }


def test_a_label_in_words_is_refused_with_what_it_holds(features: Sequence[BundleFeature], shop: Shop) -> None:
    table = shop("converts").assign(converts=lambda rows: rows["converts"].map({True: "yes", False: "no"}))
    with pytest.raises(
        DatasetError, match=r"Label converts holds \['no', 'yes'\]; true or false, or 1 or 0, is needed"
    ):
        training.fit(POPUP_PROFILE, table, features)


def test_a_smaller_budget_never_lowers_the_threshold(shop: Shop, features: Sequence[BundleFeature]) -> None:
    table = shop("converts")
    thresholds = [training.fit(POPUP_PROFILE, table, features, budget).threshold for budget in (0.1, 0.9)]
    assert thresholds[0] > thresholds[1]


def test_a_table_with_one_answer_only_is_refused(shop: Shop, features: Sequence[BundleFeature]) -> None:
    with pytest.raises(TooFewPositives, match="0 negative rows"):
        training.fit(POPUP_PROFILE, shop("converts").assign(converts=True), features)


def test_positive_rows_of_too_few_visitors_are_refused(shop: Shop, features: Sequence[BundleFeature]) -> None:
    table = shop("converts")
    converting = table["converts"].astype(bool)
    table.loc[converting, "user_pseudo_id"] = ["one", "another", "third"] * (converting.sum() // 3) + ["one"] * (
        converting.sum() % 3
    )
    with pytest.raises(TooFewPositives, match="positive rows of converts from 3 different user_pseudo_id; at least 4"):
        training.fit(POPUP_PROFILE, table, features)


def test_a_null_label_is_refused_with_its_count(shop: Shop, features: Sequence[BundleFeature]) -> None:
    table = shop("converts").astype({"converts": object})
    table.loc[:2, "converts"] = None
    with pytest.raises(DatasetError, match="converts is null in 3 of 600 rows"):
        training.fit(POPUP_PROFILE, table, features)


@pytest.mark.parametrize("absent", ["pages", "converts", "user_pseudo_id"])
def test_an_absent_column_is_named(absent: str, shop: Shop, features: Sequence[BundleFeature]) -> None:
    with pytest.raises(DatasetError, match=absent):
        training.fit(POPUP_PROFILE, shop("converts").drop(columns=absent), features)


def test_a_model_without_features_is_refused(shop: Shop) -> None:
    with pytest.raises(DatasetError, match="popup_profile has 0 features"):
        training.fit(POPUP_PROFILE, shop("converts"), [])


def test_labels_without_signal_give_every_row_about_the_same_probability(
    shop: Shop, features: Sequence[BundleFeature]
) -> None:
    table = shop("converts")
    table["converts"] = np.random.default_rng(3).permutation(table["converts"])
    spec = replace(POPUP_PROFILE, group=None)
    assert np.std(training.fit(spec, table, features).score(table)) < 0.1


def test_golden_rows_are_plain_json_that_keeps_nulls(popup_model: Fitted[BundleFeature], shop: Shop) -> None:
    rows = training.golden_rows(popup_model, shop("converts").assign(minutes=np.tile([2.0, np.nan], 300)))
    assert len(rows) == training.GOLDEN_ROWS
    assert json.loads(json.dumps(rows, allow_nan=False)) == rows
    assert any(row["minutes"] is None for row in rows)


def test_a_public_shop_table_is_tried_in_a_few_lines() -> None:
    """12,330 sessions of which 15 % buy: numbers, truth values and texts, some of them missing."""
    rng = np.random.default_rng(4)
    values = rng.exponential(6, 12_330)
    table = pd.DataFrame(
        {
            "ProductRelated": rng.poisson(30, 12_330),
            "PageValues": np.where(rng.random(12_330) < 0.1, np.nan, values),
            "Month": pd.Categorical(rng.choice(["Feb", "May", "Nov"], 12_330)),
            "Weekend": rng.random(12_330) < 0.2,
            "Revenue": rng.random(12_330) < 1 / (1 + np.exp(4 - 0.3 * values)),
        }
    )
    spec = replace(PURCHASE_PROPENSITY, name="shoppers", label="Revenue", group=None)
    train, test = table[:9_864], table[9_864:]
    fitted = training.fit(spec, train, columns_of(table.drop(columns="Revenue")))
    assert evaluate(fitted, train, test).roc_auc.low > 0.8
    assert next(iter(fitted.importance())) == "PageValues"


@pytest.mark.parametrize(
    ("column", "value", "told"),
    [
        ("minutes", float("inf"), r"infinite values in \['minutes'\]"),
        ("user_pseudo_id", float("nan"), "user_pseudo_id is null in 1 of 600 rows"),
    ],
)
def test_values_that_can_t_be_learnt_from_are_named(
    shop: Shop, features: Sequence[BundleFeature], column: str, value: float, told: str
) -> None:
    table = shop("converts")
    table[column] = table[column].where(table.index != 7, value)
    with pytest.raises(DatasetError, match=told):
        training.fit(POPUP_PROFILE, table, features)


def test_texts_of_rare_levels_alone_are_refused(shop: Shop) -> None:
    table = shop("converts").assign(ticket=lambda rows: "ticket " + rows.index.astype(str))
    with pytest.raises(DatasetError, match="no text of which a level stands in 20 rows"):
        training.fit(POPUP_PROFILE, table, columns_of(table[["ticket"]]))


def test_golden_rows_hold_values_of_people_and_no_person(popup_model: Fitted[BundleFeature]) -> None:
    table = build_shop("converts").assign(pages=np.arange(600.0), minutes=np.arange(600.0))
    rows = training.golden_rows(popup_model, table)
    assert len(rows) == training.GOLDEN_ROWS
    assert all(row["pages"] in table["pages"].to_numpy() for row in rows)
    assert all(row["pages"] != row["minutes"] for row in rows)
