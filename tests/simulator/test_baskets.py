from dataclasses import replace

import numpy as np
import pytest

from simulator.baskets import COUPON_RATE, basket_lines, order_page, revenue
from simulator.catalogue import SHELVES
from simulator.site import Page
from simulator.walk import Steps


def visit(*loads: tuple[int, int, int, bool]) -> Steps:
    """One session's page loads: page, subject, quantity put into the basket, removal of the last line."""
    size = len(loads)
    page, subject, quantity, removes = (np.array(column) for column in zip(*loads, strict=True))
    nothing = np.zeros(size, dtype=np.int64)
    return Steps(
        nothing,
        page,
        subject,
        quantity,
        removes,
        nothing > 0,
        nothing,
        nothing,
        nothing,
        nothing > 0,
        nothing.astype(np.uint64),
    )


def basket(steps: Steps, step: int) -> dict[int, int]:
    lines = basket_lines(steps).take(basket_lines(steps).step == step)
    return dict(zip(lines.product.tolist(), lines.quantity.tolist(), strict=True))


BUYS_ONE_OF_TWO = visit(
    (Page.ITEM, 3, 2, False),
    (Page.ITEM, 5, 1, False),
    (Page.CART, 0, 0, True),
    (Page.CHECKOUT, 0, 0, False),
    (Page.PAYMENT, 0, 0, False),
    (Page.THANKS, 0, 0, False),
    (Page.THANKS, 0, 0, False),
    (Page.CART, 0, 0, False),
)


def test_a_removed_line_is_gone_after_the_page_on_which_it_was_removed() -> None:
    assert basket(BUYS_ONE_OF_TWO, 2) == {3: 2, 5: 1}
    assert basket(BUYS_ONE_OF_TWO, 3) == {3: 2}


def test_an_order_empties_the_basket_but_its_page_shows_the_order_again_when_reloaded() -> None:
    assert basket(BUYS_ONE_OF_TWO, 5) == basket(BUYS_ONE_OF_TWO, 6) == {3: 2}
    assert basket(BUYS_ONE_OF_TWO, 7) == {}
    assert order_page(BUYS_ONE_OF_TWO).tolist() == [0, 1, 2, 3, 4, 5, 5, 7]


def test_the_revenue_of_an_order_is_its_basket_less_the_coupon() -> None:
    full = revenue(BUYS_ONE_OF_TWO, basket_lines(BUYS_ONE_OF_TWO))
    assert full[5] == full[6] == pytest.approx(2 * SHELVES.price[3])
    assert np.flatnonzero(full).tolist() == [5, 6]
    saving = replace(BUYS_ONE_OF_TWO, has_coupon=np.arange(8) == 5)
    assert revenue(saving, basket_lines(saving))[6] == pytest.approx((1 - COUPON_RATE) * full[6], abs=0.01)


def test_a_basket_is_not_shared_with_the_next_session() -> None:
    steps = visit((Page.ITEM, 3, 1, False), (Page.CART, 0, 0, False))
    steps = replace(steps, session=np.array([0, 1]))
    assert basket(steps, 1) == {}
