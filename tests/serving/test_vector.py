"""The feature vector: each source in its place, and nothing trusted that shouldn't be."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from feature_repo.contract import ActivityRule
from feature_repo.stored_rows import StoredRows
from ml.bundle import BundleFeature
from serving.problems import RefusedError
from serving.requests import DecideRequest, Event, Value
from serving.vector import Assembler, FeatureMatrix, FeatureVector, Freshness, check_servable

SECOND = 1_000_000
NOW = 1_772_000_000
DAY = 86_400
FEATURES = (
    BundleFeature("channel", "session_profile", "session", "string", DAY, None),
    BundleFeature("visits", "session_profile", "session", "int64", DAY, None),
    BundleFeature("is_mobile", "session_profile", "session", "bool", DAY, None),
    BundleFeature(
        "since_scroll", "session_activity", "session", "float64", DAY, ActivityRule("scroll", "seconds_since")
    ),
    BundleFeature("spend_usd", "user_features", "user", "float64", 30 * DAY, None),
    BundleFeature("survey", "user_survey", "user", "string", DAY, None),
)
ASSEMBLER = Assembler(FEATURES)


def row(feature_at: int, **values: Value) -> StoredRows:
    """A view's row of one user."""
    return StoredRows({name: [value] for name, value in values.items()}, [feature_at])


FRESH = row(NOW - DAY, spend_usd=31.5)


def vector(request: DecideRequest, spend: StoredRows = FRESH, survey: StoredRows | None = None) -> FeatureVector:
    rows = {"user_features": spend, "user_survey": survey or row(NOW, survey="new")}
    (assembled,) = ASSEMBLER.assemble([request], rows, [NOW * SECOND]).vectors
    return assembled


def test_every_feature_comes_from_its_source() -> None:
    request = DecideRequest(
        "u",
        profile={"channel": "email", "visits": 3, "is_mobile": True},
        events=(Event("scroll", (NOW - 9) * SECOND),),
    )
    found = vector(request)
    assert found.values == {
        "channel": "email",
        "visits": 3,
        "is_mobile": True,
        "since_scroll": 0.0,
        "spend_usd": 31.5,
        "survey": "new",
    }
    assert found.missing == ()


def test_what_a_profile_leaves_out_is_missing_and_what_never_happened_is_not() -> None:
    found = vector(DecideRequest("u", profile={"visits": None}))
    assert found.missing == ("channel", "visits", "is_mobile")
    assert found.values["since_scroll"] is None


@pytest.mark.parametrize(
    ("feature_at", "freshness", "value"),
    [
        pytest.param(0, Freshness.UNKNOWN, None, id="L01-unknown"),
        pytest.param(NOW - 30 * DAY, Freshness.FRESH, 31.5, id="L02-as-old-as-allowed"),
        pytest.param(NOW - 30 * DAY - 1, Freshness.STALE, None, id="L02-stale"),
        pytest.param(NOW, Freshness.FRESH, 31.5, id="of-this-second"),
        pytest.param(NOW + 1, Freshness.LATER, None, id="later-than-the-moment"),
    ],
)
def test_only_a_row_that_is_true_at_the_moment_is_used(feature_at: int, freshness: Freshness, value: Value) -> None:
    found = vector(DecideRequest("u"), row(feature_at, spend_usd=31.5))
    assert (found.freshness["user_features"], found.values["spend_usd"]) == (freshness, value)
    assert ("spend_usd" in found.missing) == (value is None)


def test_one_stale_view_does_not_take_the_others_along() -> None:
    found = vector(DecideRequest("u"), survey=row(NOW - DAY - 1, survey="new"))
    assert found.freshness == {"user_features": Freshness.FRESH, "user_survey": Freshness.STALE}
    assert found.values["spend_usd"] == 31.5


def test_a_null_in_a_fresh_row_is_missing() -> None:
    assert "spend_usd" in vector(DecideRequest("u"), row(NOW, spend_usd=None)).missing


@pytest.mark.parametrize("profile", [{"channel": "email"}, {"channel": None}, {"visits": 3}, {"is_mobile": False}, {}])
def test_a_profile_of_the_right_types_is_taken(profile: dict[str, Value]) -> None:
    ASSEMBLER.check_profile(profile)


@pytest.mark.parametrize(
    ("profile", "field", "told"),
    [
        ({"colour": "red"}, "profile.colour", "channel, visits, is_mobile"),
        ({"since_scroll": 3.0}, "profile.since_scroll", "channel, visits, is_mobile"),
        ({"spend_usd": 3.0}, "profile.spend_usd", "channel, visits, is_mobile"),
        ({"channel": 3}, "profile.channel", "'3' is int; string is right"),
        ({"visits": True}, "profile.visits", "'True' is bool; int64 is right"),
        ({"visits": 1.0}, "profile.visits", "'1.0' is float; int64 is right"),
        ({"is_mobile": 1}, "profile.is_mobile", "'1' is int; bool is right"),
    ],
)
def test_a_profile_says_only_what_the_model_reads_from_it(profile: dict[str, Value], field: str, told: str) -> None:
    with pytest.raises(RefusedError, match=told) as refused:
        ASSEMBLER.check_profile(profile)
    assert refused.value.stated.field == field


def test_user_features_are_looked_up_by_view() -> None:
    assert ASSEMBLER.views == {"user_features": {"spend_usd": "float64"}, "user_survey": {"survey": "string"}}


@pytest.mark.parametrize(("entity", "data_type"), [("item", "int64"), ("user", "timestamp")])
def test_m03_a_model_that_reads_what_is_not_given_here_is_refused(entity: str, data_type: str) -> None:
    with pytest.raises(ValueError, match=f"is {data_type} of entity '{entity}'"):
        check_servable([BundleFeature("price", "items", entity, data_type, DAY, None)])


REQUESTS = st.builds(
    DecideRequest,
    st.just("u"),
    profile=st.fixed_dictionaries(
        {},
        optional={
            "channel": st.none() | st.text(max_size=3),
            "visits": st.none() | st.integers(0, 9),
            "is_mobile": st.none() | st.booleans(),
        },
    ),
    events=st.lists(
        st.builds(Event, st.sampled_from(["scroll", "popup_view"]), st.integers(NOW - 9, NOW + 9).map(SECOND.__mul__)),
        max_size=3,
    ).map(tuple),
)
ASKED = st.tuples(
    REQUESTS,
    st.integers(NOW - 5, NOW + 5).map(SECOND.__mul__),
    st.tuples(st.none() | st.floats(0, 99), st.sampled_from([0, NOW - 40 * DAY, NOW - DAY, NOW, NOW + 1])),
    st.tuples(st.none() | st.text(max_size=3), st.sampled_from([0, NOW - 2 * DAY, NOW])),
)


@given(st.lists(ASKED, min_size=1, max_size=6), st.sets(st.sampled_from(["user_features", "user_survey"])))
def test_who_is_assembled_together_gets_what_each_would_get_alone(asked: list[Any], views: set[str]) -> None:
    def assembled(some: list[Any]) -> FeatureMatrix:
        requests, moments, spends, surveys = zip(*some, strict=True)
        stored = {
            "user_features": StoredRows({"spend_usd": [value for value, _ in spends]}, [at for _, at in spends]),
            "user_survey": StoredRows({"survey": [value for value, _ in surveys]}, [at for _, at in surveys]),
        }
        return ASSEMBLER.assemble(requests, {view: stored[view] for view in stored if view in views}, moments)

    together, alone = assembled(asked), [assembled([each]) for each in asked]

    assert list(together.vectors) == [vector for each in alone for vector in each.vectors]
    for name, column in together.columns.items():
        assert list(column) == [vector.values[name] for vector in together.vectors]
