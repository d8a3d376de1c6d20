"""Shares of visitors, drawn by their ids."""

import uuid
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import chi2_contingency, chisquare

from serving.traffic import drawn_for_exploration, drawn_for_shadow, is_in_share

VISITORS = [f"{number}.17720{number % 97}" for number in range(20_000)]
LIKELY = 0.001


@pytest.mark.parametrize("share", [0.01, 0.1, 0.5, 0.9])
@pytest.mark.parametrize("salt", ["popup_behaviour 1", "popup_behaviour 2"])
def test_as_many_visitors_are_in_a_share_as_it_says(share: float, salt: str) -> None:
    inside = sum(is_in_share(visitor, salt, share) for visitor in VISITORS)
    expected = [share * len(VISITORS), (1 - share) * len(VISITORS)]
    assert chisquare([inside, len(VISITORS) - inside], expected).pvalue > LIKELY


def test_who_is_in_the_share_of_one_salt_is_in_that_of_another_no_more_often_than_others() -> None:
    both = Counter((is_in_share(visitor, "one", 0.3), is_in_share(visitor, "two", 0.3)) for visitor in VISITORS)
    table = [[both[one, two] for two in (True, False)] for one in (True, False)]
    assert chi2_contingency(table).pvalue > LIKELY


@given(st.text(min_size=1), st.text(), st.floats(0, 1), st.floats(0, 1))
def test_a_visitor_stays_in_a_share_that_grows(visitor: str, salt: str, one: float, other: float) -> None:
    small, large = sorted((one, other))
    assert is_in_share(visitor, salt, small) <= is_in_share(visitor, salt, large)
    assert is_in_share(visitor, salt, 1.0)
    assert not is_in_share(visitor, salt, 0.0)


def test_the_draws_of_a_decision_are_even_and_independent() -> None:
    # uuid4() as the decider makes it, of bytes of a literal seed
    raw = b"".join(uuid.uuid5(uuid.NAMESPACE_DNS, str(number)).bytes for number in range(20_000))
    ids = [str(uuid.UUID(bytes=raw[start : start + 16], version=4)) for start in range(0, len(raw), 16)]
    cells = Counter((int(4 * drawn_for_exploration(each)), int(4 * drawn_for_shadow(each))) for each in ids)
    assert len(cells) == 16
    assert chisquare(list(cells.values())).pvalue > LIKELY
