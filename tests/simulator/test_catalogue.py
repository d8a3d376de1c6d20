"""What the shop sells."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from simulator.catalogue import PRODUCTS, SHELVES, substitute


def test_shelves_hold_the_products_by_category() -> None:
    assert SHELVES.count.sum() == len(PRODUCTS)
    assert [PRODUCTS[first].category for first in SHELVES.first] == list(range(len(SHELVES.first)))


@given(st.integers(0, len(PRODUCTS) - 1), st.floats(0, 1, exclude_max=True))
def test_a_substitute_is_the_same_thing_of_another_material(product: int, uniform: float) -> None:
    (other,) = substitute(np.array([product]), np.array([uniform]))
    one, another = PRODUCTS[product], PRODUCTS[other]
    assert one.category == another.category
    assert one.item_name.split()[-1] == another.item_name.split()[-1]
    assert one.item_name != another.item_name
