import pytest
from hypothesis import given
from hypothesis import strategies as st

from ml.personas import THEMES, PersonaError, name_segments

profiles = st.lists(st.dictionaries(st.sampled_from(THEMES), st.floats(-3, 3), min_size=1), min_size=1, max_size=10)


def test_names_follow_what_sets_a_segment_apart() -> None:
    found = name_segments(
        [
            {"purchase": 2.0, "loyalty": 1.5, "recency": -0.5},
            {"purchase": -0.4, "cart": 1.8},
            {"engagement": -0.8, "loyalty": -0.8, "purchase": -0.3},
        ]
    )
    assert found == ("Loyal buyers", "Cart abandoners", "Passers-by")


@given(profiles)
def test_no_name_is_given_twice(profiles: list[dict[str, float]]) -> None:
    assert len(set(name_segments(profiles))) == len(profiles)


def test_without_themes_segments_are_numbered() -> None:
    assert name_segments([{}, {}]) == ("Segment 1", "Segment 2")


def test_an_unknown_theme_is_named() -> None:
    with pytest.raises(PersonaError, match=r"\['luck'\]"):
        name_segments([{"luck": 1.0}])


def test_more_segments_than_names_are_refused() -> None:
    with pytest.raises(PersonaError, match="11 segments"):
        name_segments([{"cart": 1.0}] * 11)
