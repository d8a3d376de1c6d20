"""What each feature adds."""

from collections.abc import Callable

import numpy as np
import pandas as pd

from ml.bundle import BundleFeature
from ml.explanation import BASE, contributions
from ml.training import Fitted

Shop = Callable[..., pd.DataFrame]


def test_contributions_sum_to_the_margin_and_name_the_features(fitted: Fitted[BundleFeature], shop: Shop) -> None:
    table = shop(fitted.spec.label, seed=5)
    found = contributions(fitted, table)
    margin = fitted.booster.inplace_predict(fitted.encoding.transform(table), predict_type="margin")
    assert list(found.columns) == [*(feature.name for feature in fitted.features), BASE]
    np.testing.assert_allclose(found.sum(axis=1), margin, atol=1e-4)
    assert found[BASE].nunique() == 1


def test_more_pages_and_a_phone_add_to_the_score(popup_model: Fitted[BundleFeature], shop: Shop) -> None:
    few = shop("converts", seed=5).assign(pages=0.0, device="desktop")
    found_few, found_many = (contributions(popup_model, rows) for rows in (few, few.assign(pages=8.0, device="mobile")))
    assert (found_many["pages"] > found_few["pages"]).all()
    assert found_many["device"].mean() > found_few["device"].mean()
