"""What training makes of odd rows: rows of docs/bad_exports.md that reach a model."""

from typing import get_args

import numpy as np
import pandas as pd
import pytest

from feature_repo.contract import PlaceKind
from ml import training
from ml.bundle import BundleFeature
from ml.encoding import Encoding
from ml.specs import POPUP_PROFILE
from ml.training import TooFewPositives
from tests.conftest import Ran
from tests.ga4_export.matrix import row


@row("G35")
def test_a_level_that_training_never_saw_is_a_missing_one(row: str) -> None:
    device = BundleFeature("device", "shop", "user", "string", 86_400.0, None)
    encoding = Encoding.fit([device], {"device": ["mobile", "desktop"] * 20})

    unseen, missing = encoding.transform({"device": ["fridge", None]})

    np.testing.assert_array_equal(unseen, missing)


@row("G36")
def test_a_city_that_no_gazetteer_knows_is_a_missing_one(row: str) -> None:
    city, country = (
        BundleFeature(kind, "shop", "session", "string", 86_400.0, None, place=kind) for kind in get_args(PlaceKind)
    )
    rows = {"city": ["Łódź", "Atlantis"] * 20, "country": ["Poland"] * 40}
    encoding = Encoding.fit([city, country], rows)

    unknown, missing = encoding.transform({"city": ["Atlantis", None], "country": ["Poland", "Poland"]})

    np.testing.assert_array_equal(unknown, missing)


@row("G45")
def test_no_training_row_is_labelled_by_what_its_features_saw(row: str, ran: Ran) -> None:
    """A conversion counts after its moment alone; the same act before it would be a feature."""
    (wrong,) = ran.query("""
        select count(*) as n
        from fct_decision_labels as label
        where converts and not exists (
            select 1 from int_events_sessionized as event
            where event.session_key = label.session_key and event.event_name = 'add_to_cart'
                and event.event_at > label.decision_at
        )
    """)["n"]
    frame = pd.read_parquet(ran.home / "training_sets" / "popup_behaviour.parquet")

    assert wrong == 0
    assert frame["converts"].any()
    assert not frame.loc[frame["converts"].astype(bool), "has_added_to_cart"].any()


@row("G46")
@pytest.mark.parametrize("positives", [0, 49, 600])
def test_too_few_of_either_answer_train_no_model(row: str, positives: int) -> None:
    table = pd.DataFrame({"pages": range(600), "converts": [n < positives for n in range(600)]})
    table["user_pseudo_id"] = table["pages"].astype(str)
    pages = BundleFeature("pages", "shop", "user", "int64", 86_400.0, None)

    with pytest.raises(TooFewPositives, match="at least 50 are needed"):
        training.fit(POPUP_PROFILE, table, [pages])
