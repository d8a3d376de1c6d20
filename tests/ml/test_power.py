"""What a test set of a size can show."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ml.power import least_difference, standard_error

counts = st.integers(1, 10_000)


def test_the_standard_error_is_that_of_the_paper_s_example() -> None:
    """58 normal and 51 abnormal images, an area of 0.893: a standard error of 0.032."""
    assert standard_error(0.893, 51, 58) == pytest.approx(0.032, abs=0.0006)


@given(st.floats(0.5, 0.99), counts, counts)
def test_more_rows_show_smaller_differences(roc_auc: float, positives: int, negatives: int) -> None:
    assert least_difference(roc_auc, 4 * positives, 4 * negatives) <= least_difference(roc_auc, positives, negatives)


def test_the_first_case_study_s_test_set_can_t_rank_two_good_models() -> None:
    assert least_difference(0.9, 17, 1_084) > 0.1


@pytest.mark.parametrize(("positives", "negatives"), [(0, 10), (10, 0)])
def test_one_answer_alone_shows_nothing(positives: int, negatives: int) -> None:
    with pytest.raises(ValueError, match=f"{positives} positives and {negatives} others"):
        standard_error(0.7, positives, negatives)
