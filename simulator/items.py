"""The `items` of e-commerce events."""

from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from ga4_export.schema import EVENTS
from simulator.baskets import COUPON, BasketLines, order_page
from simulator.catalogue import CATEGORIES, PRODUCTS, PROMOTIONS, SHELVES
from simulator.columns import Columns, Flags, Ints, chance, first_of_run, ranges
from simulator.events import Events
from simulator.nested import only_where, pick, rounded, struct
from simulator.places import UNKNOWN
from simulator.site import Page
from simulator.visits import Visits
from simulator.walk import Steps

LIST_LENGTH = 12
WHOLE_LIST_SHARE = 0.12
"""How often `view_item` carries the list around the item that is viewed, not that item alone."""

ONE_PRODUCT = ("view_item", "add_to_cart", "add_to_wishlist", "remove_from_cart", "select_item")
WHOLE_BASKET = ("view_cart", "begin_checkout", "add_shipping_info", "add_payment_info", "purchase")
PROMOTION = ("view_promotion", "select_promotion")


@dataclass(frozen=True)
class Items(Columns):
    """Items ordered by event; `article` is a product's code, or a promotion's counted on from the last product's.

    `quantity` is 0 where the event states none; `position` counts from 1 in the list that was shown, and is 0 outside
    of lists.
    """

    event: Ints
    article: Ints
    quantity: Ints
    position: Ints


def items_of(visits: Visits, events: Events, lines: BasketLines) -> Items:
    """The items of all events; `lines` are the baskets of the visits' page loads."""
    in_lists = events.is_one_of("view_item_list") | _shows_whole_list(visits.steps, events)
    parts = (
        _single(visits.steps, events, events.is_one_of(*ONE_PRODUCT) & ~in_lists),
        _listed(visits.steps, events, in_lists),
        _baskets(events, events.is_one_of(*WHOLE_BASKET), lines),
        _promotions(visits.steps, events, events.is_one_of(*PROMOTION)),
    )
    items = Items.concatenate(parts)
    return items.take(np.argsort(items.event, kind="stable"))


def product_of(steps: Steps, events: Events) -> tuple[Ints, Ints]:
    """The product that an event on one product is about, and how many of it; 0 where the event moves none."""
    chosen = np.where(events.is_one_of("select_item"), np.minimum(events.step + 1, len(steps) - 1), events.step)
    last_added = first_of_run(steps.quantity > 0)[events.step]
    step = np.where(events.is_one_of("remove_from_cart"), last_added, chosen)
    moves = events.is_one_of("add_to_cart", "remove_from_cart")
    return steps.subject[step], np.where(moves, steps.quantity[step], 0)


def _shows_whole_list(steps: Steps, events: Events) -> Flags:
    return events.is_one_of("view_item") & (chance(steps.dice[events.step], 20) < WHOLE_LIST_SHARE)


def _single(steps: Steps, events: Events, mask: Flags) -> Items:
    event = np.flatnonzero(mask)
    selected = events.is_one_of("select_item")[event]
    shelf_place = (chance(steps.dice[events.step[event]], 21) * LIST_LENGTH).astype(np.int64) + 1
    product, quantity = product_of(steps, events)
    return Items(
        event=event,
        article=product[event],
        quantity=quantity[event],
        position=np.where(selected, shelf_place, 0),
    )


def _listed(steps: Steps, events: Events, mask: Flags) -> Items:
    event = np.flatnonzero(mask)
    position = np.tile(np.arange(LIST_LENGTH), len(event))
    event = np.repeat(event, LIST_LENGTH)
    step = events.step[event]
    on_category = steps.page[step] == Page.CATEGORY
    product = np.where(on_category, SHELVES.first[np.where(on_category, steps.subject[step], 0)], steps.subject[step])
    # An item that is viewed is among the neighbours that the list shows, but rarely the first of them.
    article = product // LIST_LENGTH * LIST_LENGTH + position
    return Items(event, article, np.zeros(len(event), dtype=np.int64), position + 1)


def _baskets(events: Events, mask: Flags, lines: BasketLines) -> Items:
    event = np.flatnonzero(mask)
    begins, ends = np.searchsorted(lines.step, [events.step[event], events.step[event] + 1])
    line = ranges(begins, ends - begins)
    return Items(
        event=np.repeat(event, ends - begins),
        article=lines.product[line],
        quantity=lines.quantity[line],
        position=np.zeros(len(line), dtype=np.int64),
    )


def _promotions(steps: Steps, events: Events, mask: Flags) -> Items:
    event = np.flatnonzero(mask)
    promotion = (chance(steps.dice[events.step[event]], 22) * len(PROMOTIONS)).astype(np.int64)
    nothing = np.zeros(len(event), dtype=np.int64)
    return Items(event, len(PRODUCTS) + promotion, nothing, nothing)


_ITEM = EVENTS.field("items").type.value_type
_PRICE = np.append(SHELVES.price, np.zeros(len(PROMOTIONS)))


def item_lists(visits: Visits, events: Events, items: Items) -> pa.ListArray:
    """The `items` column of the events."""
    counts = np.bincount(items.event, minlength=len(events))
    offsets = pa.array(np.append(0, np.cumsum(counts)), pa.int32())
    return pa.ListArray.from_arrays(offsets, _structs(visits, events, items))


def _structs(visits: Visits, events: Events, items: Items) -> pa.StructArray:
    article, step = items.article, events.step[items.event]
    is_product = article < len(PRODUCTS)
    is_bought = events.is_one_of("purchase")[items.event]
    price = _PRICE[article]
    has_coupon = is_bought & visits.steps.has_coupon[order_page(visits.steps)[step]]
    categories = [CATEGORIES[product.category].name for product in PRODUCTS]
    no_promotion, no_product = [UNKNOWN] * len(PRODUCTS), [UNKNOWN] * len(PROMOTIONS)
    unknown = pa.repeat(UNKNOWN, len(items))
    in_list = items.position > 0
    shelf = [f"{name} shelf" for name in categories] + no_product
    return struct(
        _ITEM,
        len(items),
        item_id=pick([p.item_id for p in PRODUCTS] + no_product, article),
        item_name=pick([p.item_name for p in PRODUCTS] + no_product, article),
        item_brand=pick([p.item_brand for p in PRODUCTS] + no_product, article),
        item_variant=pick([p.item_variant for p in PRODUCTS] + no_product, article),
        item_category=pick(categories + no_product, article),
        item_category2=unknown,
        item_category3=unknown,
        item_category4=unknown,
        item_category5=unknown,
        price_in_usd=only_where(is_bought, rounded(price)),
        price=only_where(is_product, rounded(price)),
        quantity=only_where(items.quantity > 0, pa.array(items.quantity)),
        item_revenue_in_usd=only_where(is_bought, rounded(price * items.quantity)),
        item_revenue=only_where(is_bought, rounded(price * items.quantity)),
        coupon=pick([UNKNOWN, COUPON], has_coupon.astype(np.int64)),
        affiliation=unknown,
        location_id=unknown,
        item_list_name=pick([*shelf, UNKNOWN], np.where(in_list, article, len(shelf))),
        item_list_index=pick([UNKNOWN, *map(str, range(1, LIST_LENGTH + 1))], items.position),
        promotion_id=pick(no_promotion + [p.promotion_id for p in PROMOTIONS], article),
        promotion_name=pick(no_promotion + [p.promotion_name for p in PROMOTIONS], article),
        creative_name=pick(no_promotion + [p.creative_name for p in PROMOTIONS], article),
        creative_slot=unknown,
    )
