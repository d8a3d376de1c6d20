import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from simulator.columns import chance, draw, first_of_run, ranges

COUNTS = st.lists(st.tuples(st.integers(0, 50), st.integers(0, 5)), max_size=20)


@given(COUNTS)
def test_ranges_are_the_positions_of_every_range_in_turn(pairs: list[tuple[int, int]]) -> None:
    starts, counts = (np.array([pair[side] for pair in pairs], dtype=np.int64) for side in (0, 1))
    expected = [position for start, count in pairs for position in range(start, start + count)]
    assert ranges(starts, counts).tolist() == expected


def test_a_run_begins_where_the_flag_is_set() -> None:
    assert first_of_run(np.array([True, False, True, False, False])).tolist() == [0, 0, 2, 2, 2]


def test_chances_are_uniform_and_unrelated_between_purposes() -> None:
    dice = np.random.default_rng(1).integers(0, 2**64, 20_000, dtype=np.uint64)
    first, second = chance(dice, 1), chance(dice, 2)
    assert abs(np.histogram(first, 10, (0, 1))[0] / 20_000 - 0.1).max() < 0.01
    assert abs(np.corrcoef(first, second)[0, 1]) < 0.03


@given(st.integers(0, 2**64 - 1), st.integers(0, 100))
def test_a_chance_depends_on_its_dice_alone(dice: int, purpose: int) -> None:
    together = np.array([dice, 5, 9], dtype=np.uint64)
    assert chance(together, purpose)[0] == chance(together[:1], purpose)[0]


def test_draws_follow_their_weights() -> None:
    drawn = draw(np.random.default_rng(1), [1.0, 0.0, 3.0], 8_000)
    assert abs(np.bincount(drawn, minlength=3) / 8_000 - [0.25, 0, 0.75]).max() < 0.02
