"""What would have been served, held to the rows that models learn from."""

from math import nan, nextafter
from typing import Any

import pandas as pd
import pytest

from ml.bundle import BundleFeature
from serving.parity import SHOWN, compare, serve
from tests.serving.conftest import DAY, FEATURES, MOMENT

AT = pd.Timestamp(MOMENT, unit="us")
MINUTE = pd.Timedelta(minutes=1)
MOMENTS = pd.DataFrame({"user_pseudo_id": ["u", "v", "u"], "session_key": ["u.1", "v.1", "u.1"]}).assign(
    event_timestamp=[AT, AT, AT + MINUTE]
)
EVENTS = pd.DataFrame(
    [
        ("u.1", "scroll", MOMENT + 60_000_000),
        ("u.1", "scroll", MOMENT - 5),
        ("u.1", "popup_view", MOMENT),
        ("u.1", "scroll", MOMENT + 60_000_001),
        ("v.1", "page_view", MOMENT),
    ],
    columns=["session_key", "event_name", "event_timestamp"],
)
KNOWN = {
    "session_profile": pd.DataFrame({"pages_before": [3, None, 3], "channel": ["email", None, "email"]}),
    "user_features": pd.DataFrame({"spend_usd": [0.1, None, 0.1 + 0.2], "purchases": [2, None, 3]}).assign(
        feature_at=pd.Series([AT - MINUTE, None, AT - MINUTE], dtype="datetime64[us]")
    ),
}
OFFLINE = pd.DataFrame(
    {
        "event_timestamp": MOMENTS["event_timestamp"],
        "pages_before": [3, None, 3],
        "channel": ["email", None, "email"],
        "scrolls": [1, 0, 2],
        "spend_usd": [0.1, None, 0.3],
        "purchases": [2, None, 3],
    }
)


def test_the_service_is_told_what_was_known_and_heard_at_each_moment() -> None:
    served = serve(FEATURES, MOMENTS, EVENTS, KNOWN)

    assert [dict(vector.values) for vector in served] == [
        {"pages_before": 3, "channel": "email", "scrolls": 1, "spend_usd": 0.1, "purchases": 2},
        {"pages_before": None, "channel": None, "scrolls": 0, "spend_usd": None, "purchases": None},
        {"pages_before": 3, "channel": "email", "scrolls": 2, "spend_usd": 0.1 + 0.2, "purchases": 3},
    ]
    assert [vector.freshness["user_features"] for vector in served] == ["fresh", "unknown_user", "fresh"]


def test_a_row_that_is_too_old_is_not_served() -> None:
    old = KNOWN["user_features"].assign(feature_at=AT - pd.Timedelta(days=31))
    served = serve(FEATURES, MOMENTS, EVENTS, KNOWN | {"user_features": old})
    assert [vector.values["purchases"] for vector in served] == [None] * 3


def test_all_may_differ_in_the_last_bit_of_a_float_and_in_nothing_else() -> None:
    served = serve(FEATURES, MOMENTS, EVENTS, KNOWN)
    # 0.1 + 0.2 is a bit more than 0.3
    assert compare(FEATURES, served, OFFLINE).different == 0

    two_bits = OFFLINE.assign(spend_usd=[nextafter(nextafter(0.1, 1), 1), nan, 0.3])
    found = compare(FEATURES, served, two_bits)
    assert (found.rows, found.different, found.features) == (3, 1, ("spend_usd",))
    assert found.examples == (f"spend_usd at {AT}: served 0.1, offline 0.10000000000000003",)


@pytest.mark.parametrize(
    ("name", "values"),
    [("scrolls", [1, 0, 3]), ("channel", ["email", "email", "email"]), ("purchases", [2, None, None])],
)
def test_a_value_that_differs_is_named(name: str, values: list[Any]) -> None:
    found = compare(FEATURES, serve(FEATURES, MOMENTS, EVENTS, KNOWN), OFFLINE.assign(**{name: values}))
    assert (found.different, found.features) == (1, (name,))


def test_only_the_first_differences_are_told() -> None:
    many = [BundleFeature(f"count_{n}", "session_profile", "session", "int64", DAY, None) for n in range(SHOWN + 5)]
    zeros = pd.DataFrame({feature.name: [0, 0, 0] for feature in many})
    found = compare(many, serve(many, MOMENTS, EVENTS, {"session_profile": zeros}), (zeros + 1).join(MOMENTS))
    assert (len(found.examples), found.different, len(found.features)) == (SHOWN, 3, len(many))


def test_a_day_without_moments_has_nothing_to_compare() -> None:
    nothing = {view: rows.head(0) for view, rows in KNOWN.items()}
    served = serve(FEATURES, MOMENTS.head(0), EVENTS.head(0), nothing)
    assert compare(FEATURES, served, OFFLINE.head(0)).rows == 0
