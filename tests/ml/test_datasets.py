from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import timedelta

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from feature_repo.contract import Column, FeatureTable
from ml.bundle import BundleFeature
from ml.datasets import (
    DatasetError,
    TrainingSet,
    columns_of,
    features_of,
    refuse_all_purged,
    split_by_missing,
    split_by_time,
)
from ml.specs import CHURN

Shop = Callable[..., pd.DataFrame]

hours = st.lists(st.integers(0, 24 * 40), min_size=1, max_size=60)
shares = st.floats(0.05, 0.95)
horizons = st.integers(0, 24 * 10).map(lambda number: timedelta(hours=number))


def moments(hours: list[int]) -> pd.DataFrame:
    start = pd.Timestamp("2026-01-01")
    return pd.DataFrame({"event_timestamp": [start + timedelta(hours=hour) for hour in hours]})


@given(hours, shares, horizons)
def test_no_training_label_looks_into_the_test_days(hours: list[int], share: float, horizon: timedelta) -> None:
    frame = moments([0, *hours, 24 * 41])
    split = split_by_time(frame, horizon, share)
    assert (split.train["event_timestamp"] + horizon <= split.cutoff).all()
    assert (split.test["event_timestamp"] >= split.cutoff).all()


@given(hours, shares, horizons)
def test_every_row_is_trained_on_tested_on_or_counted_as_purged(
    hours: list[int], share: float, horizon: timedelta
) -> None:
    frame = moments([0, *hours, 24 * 41])
    split = split_by_time(frame, horizon, share)
    assert not set(split.train.index) & set(split.test.index)
    assert len(split.train) + len(split.test) + split.purged == len(frame)


def test_a_fifth_of_the_days_is_held_out() -> None:
    split = split_by_time(moments([24 * day for day in range(60)]), timedelta(hours=4))
    assert split.cutoff == pd.Timestamp("2026-02-18")
    assert (len(split.train), len(split.test), split.purged) == (48, 12, 0)


def test_a_label_that_closes_with_the_last_training_day_is_kept() -> None:
    frame = moments([0, 19, 20, 21, 24])
    assert list(split_by_time(frame, timedelta(hours=4)).train.index) == [0, 1, 2]


def test_one_day_is_too_little_to_hold_days_out() -> None:
    with pytest.raises(DatasetError, match=r"cover 1 day\(s\); at least 2"):
        split_by_time(moments([0, 1, 2]), timedelta(hours=1))


def test_days_in_which_no_label_closes_before_the_test_days_are_refused() -> None:
    spec = replace(CHURN, name="leaving")
    split = split_by_time(moments([24 * day for day in range(30)]), spec.horizon)
    with pytest.raises(
        DatasetError, match="leaving has no row to learn from: its labels look 30 days ahead"
    ) as refused:
        refuse_all_purged(spec, split)
    assert "all 24 rows before the test days, from 2026-01-25 on" in str(refused.value)


def test_days_in_which_a_label_closes_are_enough() -> None:
    refuse_all_purged(CHURN, split_by_time(moments([24 * day for day in range(60)]), CHURN.horizon))


@pytest.mark.parametrize("share", [0.0, 1.0, -0.2])
def test_a_test_share_outside_0_and_1_is_refused(share: float) -> None:
    with pytest.raises(DatasetError, match="test_share"):
        split_by_time(moments([0, 24]), timedelta(hours=1), share)


def test_a_training_set_counts_what_it_holds(shop: Shop, features: Sequence[BundleFeature]) -> None:
    frame = shop("converts")
    data = TrainingSet(frame, tuple(features), "converts")
    assert (data.rows, data.positives) == (600, int(frame["converts"].sum()))
    assert (data.first_day, data.last_day) == ("2026-01-01", "2026-01-30")


def test_a_training_set_without_a_feature_is_refused(shop: Shop, features: Sequence[BundleFeature]) -> None:
    with pytest.raises(DatasetError, match=r"lacks columns \['pages'\]"):
        TrainingSet(shop("converts").drop(columns="pages"), tuple(features), "converts")


def test_the_fingerprint_follows_the_rows_and_not_the_order_of_columns(
    shop: Shop, features: Sequence[BundleFeature]
) -> None:
    def fingerprint(frame: pd.DataFrame) -> str:
        return TrainingSet(frame, tuple(features), "converts").fingerprint

    frame = shop("converts")
    changed = frame.assign(pages=frame["pages"].where(frame.index != 5, 99.0))
    assert fingerprint(frame[frame.columns[::-1]]) == fingerprint(frame)
    assert fingerprint(changed) != fingerprint(frame)


def test_the_features_of_a_model_are_those_whose_contract_names_it() -> None:
    table = FeatureTable(
        name="fct_shop",
        view="shop",
        description="",
        entity="user",
        join_key="user_pseudo_id",
        key=("user_pseudo_id",),
        ttl=timedelta(days=1),
        is_online=True,
        day="event_date",
        columns=(
            Column("key", "string", "", False),
            Column("theirs", "int64", "", True, models=("other",)),
            Column("ours", "int64", "", True, models=("popup", "other")),
        ),
    )
    expected = (BundleFeature("ours", "shop", "user", "int64", 86400.0, None),)
    assert features_of((table,), "popup") == expected


@pytest.mark.parametrize(("missing", "is_kept"), [(0, True), (999, True), (1_000, False), (10_000, False)])
def test_a_predictor_is_kept_only_if_less_than_a_tenth_of_it_is_missing(missing: int, is_kept: bool) -> None:
    feature = BundleFeature("pages", "view", "entity", "int64", 1.0, None)
    frame = pd.DataFrame({"pages": [None] * missing + [1.0] * (10_000 - missing)})
    kept, left_out = split_by_missing((feature,), frame, 0.1)
    assert kept == ((feature,) if is_kept else ())
    assert left_out == ({} if is_kept else {"pages": missing / 10_000})


def test_columns_of_any_table_are_typed_by_their_values() -> None:
    table = pd.DataFrame(
        {
            "pages": [1, 2],
            "value": [0.5, None],
            "weekend": [True, False],
            "returning": pd.Series([True, None], dtype=object),
            "month": pd.Categorical(["Feb", None]),
            "region": ["1", "2"],
            "never": [None, None],
        }
    )
    types = {column.name: column.data_type for column in columns_of(table)}
    assert types == {
        "pages": "int64",
        "value": "float64",
        "weekend": "bool",
        "returning": "bool",
        "month": "string",
        "region": "string",
        "never": "float64",
    }


def test_a_column_that_can_t_be_learnt_from_is_named() -> None:
    with pytest.raises(DatasetError, match=r"Columns \{'at': 'datetime'\} can't be learnt from"):
        columns_of(pd.DataFrame({"at": pd.to_datetime(["2026-01-05"])}))
