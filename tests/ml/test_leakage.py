"""Features that know the answer are found, and honest ones are left alone."""

from collections.abc import Callable, Sequence

import numpy as np
import pandas as pd
import pytest

from ml import leakage
from ml.bundle import BundleFeature
from ml.datasets import DatasetError
from ml.evaluation import target_of
from ml.search import folds_of
from ml.specs import POPUP_PROFILE

Shop = Callable[..., pd.DataFrame]
Making = Callable[[np.ndarray, np.random.Generator], np.ndarray]
LABEL = POPUP_PROFILE.label


def told(shop: Shop, data_type: str, values: Making) -> float:
    """What a feature made of the answers tells alone."""
    table = shop(LABEL, rows=2_000)
    target = target_of(table, LABEL)
    feature = BundleFeature("made", "shop", "user", data_type, 1.0, None)
    folds = folds_of(POPUP_PROFILE, table, target)
    made = table.assign(made=values(target, np.random.default_rng(3)))
    return leakage.alone(feature, made, target.astype(np.intp), folds, seed=7)


@pytest.mark.parametrize(
    ("data_type", "values"),
    [
        ("float64", lambda target, rng: target + rng.normal(0, 0.1, len(target))),
        ("float64", lambda target, _: -1.0 * target),
        (
            "float64",
            lambda target, rng: np.where(target, rng.normal(0, 0.1, len(target)), rng.choice([-5, 5], len(target))),
        ),
        ("float64", lambda target, _: np.where(target, np.nan, 1.0)),
        ("string", lambda target, rng: np.where(target, "thanks", rng.choice(["home", "sale"], len(target)))),
    ],
    ids=["follows", "turned round", "in the middle", "is missing", "a level"],
)
def test_a_feature_that_knows_the_answer_is_found(shop: Shop, data_type: str, values: Making) -> None:
    assert told(shop, data_type, values) > leakage.MOST_OF_ONE


@pytest.mark.parametrize("data_type", ["float64", "string"])
def test_a_number_of_its_own_in_each_row_tells_nothing(shop: Shop, data_type: str) -> None:
    def own(target: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        numbers = rng.permutation(len(target))
        return numbers if data_type == "float64" else np.char.add("id ", numbers.astype(str)).astype(object)

    assert told(shop, data_type, own) == pytest.approx(0.5, abs=0.06)


def test_an_honest_shop_passes_and_a_leak_is_refused_by_name(shop: Shop, features: Sequence[BundleFeature]) -> None:
    table = shop(LABEL, rows=2_000)
    target = target_of(table, LABEL)
    leakage.probe(POPUP_PROFILE, features, table)
    leak = BundleFeature("submits_today", "shop", "user", "int64", 1.0, None)
    with pytest.raises(DatasetError, match=r"one feature alone: submits_today \(1\.000\)"):
        leakage.probe(POPUP_PROFILE, [*features, leak], table.assign(submits_today=target.astype(int)))


@pytest.mark.parametrize(
    ("after_hours", "told"),
    [(0.0, "in 1 of 600 rows, and more than 4:00:00 after it in 0"), (4.01, "in 0 of 600 rows, .* after it in 1")],
    ids=["at its moment", "beyond the horizon"],
)
def test_a_label_outside_its_window_is_refused(shop: Shop, after_hours: float, told: str) -> None:
    table = shop(LABEL)
    leakage.probe_labels(POPUP_PROFILE, table)
    hours = np.where(table.index == 5, after_hours, 1.0)
    table = table.assign(settled_at=table["event_timestamp"] + pd.to_timedelta(hours, "h"))
    with pytest.raises(DatasetError, match=f"converts was settled at or before its moment {told}"):
        leakage.probe_labels(POPUP_PROFILE, table)
