"""What e-commerce events are worth: the figures behind `value` and the `ecommerce` record."""

from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ga4_export.schema import EVENTS
from simulator.baskets import BasketLines, order_page, revenue
from simulator.catalogue import SHELVES
from simulator.columns import Columns, Flags, Floats, Ints, chance
from simulator.events import Events
from simulator.items import ONE_PRODUCT, WHOLE_BASKET, Items, product_of
from simulator.nested import numbered, only_where, rounded, struct
from simulator.places import UNKNOWN
from simulator.visits import Visits

LOST_TRANSACTION_SHARE = 0.03
"""Orders of which the tag failed to read the transaction's id."""

FREE_SHIPPING_FROM, SHIPPING, TAX_RATE = 50, 5.9, 0.07
_TRANSACTIONS = 10**10


@dataclass(frozen=True)
class Commerce(Columns):
    """One row per event: its value, its items' numbers, and of a purchase the order's transaction."""

    has_value: Flags
    value: Floats
    is_purchase: Flags
    has_coupon: Flags
    quantity: Ints
    unique_items: Ints
    transaction: Ints
    lost_transaction: Flags

    def transaction_ids(self) -> pa.StringArray:
        """The orders' ids, the same for each report of the same order; null for other events."""
        known = numbered("FH", self.transaction)
        return only_where(self.is_purchase, pc.if_else(pa.array(self.lost_transaction), UNKNOWN, known))


def commerce_of(visits: Visits, events: Events, lines: BasketLines, items: Items) -> Commerce:
    """The figures of all events; `lines` are the baskets and `items` the items of the same visits."""
    steps = visits.steps
    is_purchase = events.is_one_of("purchase")
    in_basket = np.bincount(lines.step, SHELVES.price[lines.product] * lines.quantity, len(steps))[events.step]
    product, quantity = product_of(steps, events)
    one = SHELVES.price[product] * np.maximum(quantity, 1)
    concerns_one = events.is_one_of(*ONE_PRODUCT)
    value: Floats = np.where(is_purchase, revenue(steps, lines)[events.step], np.where(concerns_one, one, in_basket))
    order = order_page(steps)[events.step]
    return Commerce(
        has_value=concerns_one | events.is_one_of(*WHOLE_BASKET),
        value=value,
        is_purchase=is_purchase,
        has_coupon=is_purchase & steps.has_coupon[order],
        quantity=np.bincount(items.event, items.quantity, len(events)).astype(np.int64),
        unique_items=np.bincount(items.event, minlength=len(events)),
        transaction=(chance(steps.dice[order], 30) * _TRANSACTIONS).astype(np.int64),
        lost_transaction=chance(steps.dice[order], 31) < LOST_TRANSACTION_SHARE,
    )


def ecommerce_records(commerce: Commerce) -> pa.StructArray:
    """The `ecommerce` column of the events; null where an event has no items."""
    size, bought = len(commerce), commerce.is_purchase
    paid = only_where(bought, rounded(commerce.value))
    shipping = only_where(bought, rounded(np.where(commerce.value < FREE_SHIPPING_FROM, SHIPPING, 0)))
    tax = only_where(bought, rounded(commerce.value * TAX_RATE))
    return struct(
        EVENTS.field("ecommerce").type,
        size,
        absent=commerce.unique_items == 0,
        total_item_quantity=only_where(commerce.quantity > 0, pa.array(commerce.quantity)),
        purchase_revenue_in_usd=paid,
        purchase_revenue=paid,
        shipping_value_in_usd=shipping,
        shipping_value=shipping,
        tax_value_in_usd=tax,
        tax_value=tax,
        unique_items=pa.array(commerce.unique_items),
        transaction_id=commerce.transaction_ids(),
    )
