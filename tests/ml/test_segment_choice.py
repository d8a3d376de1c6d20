from collections.abc import Sequence
from dataclasses import replace
from itertools import permutations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ml.segment_choice import STABILITY_FLOOR, Size, choose, try_sizes

NAN = float("nan")
figures = st.floats(0, 1) | st.just(NAN)
tries = st.lists(
    st.builds(Size, st.integers(2, 9), figures, figures, figures), min_size=1, unique_by=lambda s: s.groups
)


def test_a_size_that_is_best_by_all_three_is_chosen() -> None:
    tried = [Size(3, 0.3, 1.2, 0.8), Size(4, 0.5, 0.9, 0.95), Size(5, 0.4, 1.1, 0.9)]
    assert choose(tried).groups == 4


def test_silhouette_alone_chooses_nothing() -> None:
    tried = [Size(3, 0.30, 0.9, 0.99), Size(4, 0.29, 1.0, 0.98), Size(8, 0.70, 1.4, 0.66)]
    assert choose(tried).groups == 3


def test_a_size_that_is_not_stable_is_passed_over_however_good_it_looks() -> None:
    tried = [Size(3, 0.2, 1.5, STABILITY_FLOOR), Size(4, 0.9, 0.3, STABILITY_FLOOR - 0.01)]
    assert choose(tried).groups == 3


def test_of_equal_ranks_the_most_groups_are_chosen() -> None:
    tried = [Size(6, 0.4, 1.0, 0.8), Size(4, 0.3, 0.9, 0.8)]
    assert choose(tried).groups == 6


def test_what_differs_by_less_than_a_twentieth_decides_nothing() -> None:
    tried = [Size(3, 0.50, 0.77, 0.97), Size(4, 0.49, 0.79, 0.98), Size(5, 0.46, 0.90, 0.82)]
    assert choose(tried).groups == 4
    assert choose([*tried[:1], Size(4, 0.46, 0.79, 0.98), *tried[2:]]).groups == 3


def test_where_no_size_is_stable_the_most_stable_one_is_left_to_the_gate() -> None:
    chosen = choose([Size(3, 0.9, 0.1, 0.3), Size(4, 0.1, 2.0, 0.5)])
    assert chosen.groups == 4
    assert not chosen.is_stable


def test_the_number_that_is_known_stays_unless_another_is_better_by_all_three() -> None:
    three, four, five = Size(3, 0.43, 0.97, 0.993), Size(4, 0.36, 0.93, 0.992), Size(5, 0.35, 0.94, 0.991)
    assert choose([three, four, five]).groups == 3
    assert choose([three, four, five], known=4).groups == 4
    assert choose([three, four, five], known=5).groups == 3
    assert choose([three, four, five], known=8).groups == 3
    unstable = Size(4, 0.36, 0.93, STABILITY_FLOOR - 0.01)
    assert choose([three, unstable, five], known=4).groups == 3


def test_a_figure_that_cannot_be_told_is_the_worst() -> None:
    three, four = Size(3, NAN, NAN, 0.8), Size(4, 0.1, 2.0, 0.7)
    assert choose([three, four]).groups == 4
    assert choose([replace(three, stability=0.7), four], known=3).groups == 3
    assert choose([replace(three, stability=0.66), four], known=3).groups == 4


@pytest.mark.parametrize(
    "tried", [*permutations([Size(3, 0.5, 1.0, NAN), Size(4, 0.1, 2.0, 0.3), Size(5, NAN, NAN, 0.2)])]
)
def test_where_no_size_is_stable_one_whose_stability_cannot_be_told_comes_last(tried: Sequence[Size]) -> None:
    assert choose(tried).groups == 4


@given(tries, st.randoms())
def test_the_order_in_which_sizes_were_tried_decides_nothing(tried: list[Size], random: np.random.Generator) -> None:
    shuffled = list(tried)
    random.shuffle(shuffled)
    assert choose(shuffled).groups == choose(tried).groups


@given(tries)
def test_nothing_that_is_worse_by_all_three_is_chosen(tried: list[Size]) -> None:
    chosen = choose(tried)
    assert not any(
        other.silhouette > chosen.silhouette * 1.05
        and other.davies_bouldin < chosen.davies_bouldin * 0.95
        and other.stability > chosen.stability * 1.05
        for other in tried
    )


def test_clumps_are_found_again_in_resampled_users_and_one_cloud_is_not() -> None:
    rng = np.random.default_rng(2)
    cloud = rng.normal(size=(600, 4))
    clumps = cloud + 12 * np.eye(4)[np.arange(600) % 3]
    (three,) = try_sizes(clumps, [3], resamples=4, seed=7)
    (seven,) = try_sizes(cloud, [7], resamples=4, seed=7)
    assert three.stability == pytest.approx(1)
    assert not seven.is_stable
