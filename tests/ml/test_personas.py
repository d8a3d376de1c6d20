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


def test_a_name_says_nothing_that_no_feature_tells() -> None:
    profile = {"purchase": 2.0, "engagement": 0.2, "promotion": 1.0, "cart": 0.1}
    assert name_segments([profile]) == ("Bargain buyers",)
    assert name_segments([profile | {"loyalty": 3.0}]) == ("Loyal buyers",)


def test_the_themes_of_the_contract_s_segments_have_names_enough() -> None:
    themes = ("purchase", "engagement", "promotion", "cart")
    profiles = [{theme: float(group >> place & 1) for place, theme in enumerate(themes)} for group in range(8)]
    assert not {"Loyal buyers", "Newcomers", "Lapsed visitors"} & set(name_segments(profiles))


@given(profiles)
def test_no_name_is_given_twice(profiles: list[dict[str, float]]) -> None:
    assert len(set(name_segments(profiles))) == len(profiles)


def test_without_themes_segments_are_numbered() -> None:
    assert name_segments([{}, {}]) == ("Segment 1", "Segment 2")


def test_an_unknown_theme_is_named() -> None:
    with pytest.raises(PersonaError, match=r"\['luck'\]"):
        name_segments([{"luck": 1.0}])


def test_more_segments_than_names_are_refused() -> None:
    with pytest.raises(PersonaError, match="17 segments"):
        name_segments([{"cart": 1.0}] * 17)
