"""What lies in the basket on each page of the basket, the checkout and the order."""

from dataclasses import dataclass

import numpy as np

from simulator.catalogue import SHELVES
from simulator.columns import Columns, Floats, Ints, first_of_run, ranges
from simulator.site import Page
from simulator.walk import Steps

COUPON = "WELCOME10"
COUPON_RATE = 0.1


@dataclass(frozen=True)
class BasketLines(Columns):
    """Products in the basket on a page load, ordered by page load."""

    step: Ints
    product: Ints
    quantity: Ints


def order_page(steps: Steps) -> Ints:
    """For each page load its own position, but for a reload of the order's page that of the first load."""
    thanks = steps.page == Page.THANKS
    reloaded = thanks & np.append(False, thanks[:-1]) & ~steps.is_first
    return first_of_run(~reloaded)


def basket_lines(steps: Steps) -> BasketLines:
    """The basket on every page load from CART to THANKS; a line removed on a page still lies there on that page."""
    added = np.flatnonzero(steps.quantity > 0)
    shown = np.flatnonzero((steps.page >= Page.CART) & (steps.page <= Page.THANKS))
    begins, ends = np.searchsorted(steps.session[added], [steps.session[shown], steps.session[shown] + 1])
    line = ranges(begins, ends - begins)
    at = np.repeat(shown, ends - begins)
    seen_from = order_page(steps)[at]
    lies = (added[line] < seen_from) & (_last_page_of(steps, added)[line] >= seen_from)
    lines = added[line[lies]]
    return BasketLines(step=at[lies], product=steps.subject[lines], quantity=steps.quantity[lines])


def _last_page_of(steps: Steps, added: Ints) -> Ints:
    """The last page load at which each added line lies in the basket: where it was removed or bought, or never."""
    never = len(steps)
    bought = _next_at(np.flatnonzero(steps.page == Page.THANKS), added, never)
    removed = _next_at(np.flatnonzero(steps.removes), added, never)
    next_added = np.append(added[1:], never)
    removed = np.where(removed < next_added, removed, never)
    last = np.minimum(bought, removed)
    same_session = steps.session[np.minimum(last, never - 1)] == steps.session[added]
    return np.where((last < never) & same_session, last, never)


def _next_at(positions: Ints, after: Ints, never: int) -> Ints:
    return np.append(positions, never)[np.searchsorted(positions, after)]


def revenue(steps: Steps, lines: BasketLines) -> Floats:
    """What each page load of THANKS, reloads included, reports as the order's revenue; 0 elsewhere."""
    value = np.bincount(lines.step, SHELVES.price[lines.product] * lines.quantity, minlength=len(steps))
    discount = np.where(steps.has_coupon[order_page(steps)], COUPON_RATE, 0)
    return np.where(steps.page == Page.THANKS, np.round(value * (1 - discount), 2), 0)
