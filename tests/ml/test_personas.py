import pytest
from hypothesis import given
from hypothesis import strategies as st

from ml.personas import THEMES, PersonaError, name_segments

profiles = st.lists(st.dictionaries(st.sampled_from(THEMES), st.floats(-3, 3), min_size=1), min_size=1, max_size=16)


def test_names_follow_what_sets_a_segment_apart() -> None:
    found = name_segments(
        [
            {"purchase": 2.0, "loyalty": 1.5, "recency": -0.5},
            {"purchase": -0.4, "cart": 1.8},
            {"engagement": -0.8, "loyalty": -0.8, "purchase": -0.3},
        ]
    )
    assert found == ("Loyal buyers", "Cart abandoners", "Passers-by")


def test_a_name_says_nothing_that_is_not_so() -> None:
    profile = {"purchase": 2.0, "engagement": 0.2, "promotion": 1.0, "cart": 0.1}
    assert name_segments([profile]) == ("Bargain buyers",)
    assert name_segments([profile | {"loyalty": 3.0}]) == ("Loyal buyers",)
    assert name_segments([profile, profile | {"purchase": -0.1}]) == ("Bargain buyers", "Bargain hunters")


def test_what_no_free_name_is_true_of_is_numbered() -> None:
    passing = {"engagement": -1.0, "loyalty": -0.1}
    assert name_segments([passing, passing], ["Segment 1"]) == ("Passers-by", "Segment 2")


@given(profiles)
def test_no_name_is_given_twice(profiles: list[dict[str, float]]) -> None:
    assert len(set(name_segments(profiles))) == len(profiles)


def test_without_themes_segments_are_numbered() -> None:
    assert name_segments([{}, {}]) == ("Segment 1", "Segment 2")


def test_an_unknown_theme_is_named() -> None:
    with pytest.raises(PersonaError, match=r"\['luck'\]"):
        name_segments([{"luck": 1.0}])
