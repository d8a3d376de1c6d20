"""What the shop sells: products of an invented household shop, grouped by category, and its promotions."""

from dataclasses import dataclass
from itertools import product as pairs
from statistics import NormalDist
from typing import NamedTuple

import numpy as np

from simulator.columns import Floats, Ints

PRICE_SPREAD = 0.74


class Category(NamedTuple):
    """A shelf; its products are the materials times the things, the most popular first."""

    name: str
    brand: str
    median_price: float
    popularity: float
    materials: tuple[str, ...]
    things: tuple[str, ...]


class Product(NamedTuple):
    """An article of the shop, in GA4's words; `category` is the place in CATEGORIES."""

    item_id: str
    item_name: str
    item_brand: str
    item_variant: str
    category: int
    price: float


class Promotion(NamedTuple):
    """A banner that the shop shows, in GA4's words."""

    promotion_id: str
    promotion_name: str
    creative_name: str


CATEGORIES = (
    Category("Kitchen", "Fernhill", 15, 20,
             ("Stoneware", "Walnut", "Copper"),
             ("Mug", "Bowl", "Board", "Whisk", "Pan", "Jar")),
    Category("Bath", "Mossbrook", 12, 13,
             ("Linen", "Bamboo", "Cotton"),
             ("Towel", "Mat", "Brush", "Robe", "Basket", "Tray")),
    Category("Bedroom", "Mossbrook", 22, 14,
             ("Linen", "Wool", "Percale"),
             ("Sheet", "Throw", "Pillow", "Quilt", "Cover", "Blanket")),
    Category("Living", "Fernhill", 18, 16,
             ("Oak", "Felt", "Brass"),
             ("Lamp", "Cushion", "Frame", "Vase", "Clock", "Shelf")),
    Category("Garden", "Hedgerow", 14, 11,
             ("Steel", "Terracotta", "Ash"),
             ("Planter", "Trowel", "Lantern", "Fork", "Can", "Stool")),
    Category("Stationery", "Quillfeather", 8, 10,
             ("Recycled", "Letterpress", "Canvas"),
             ("Notebook", "Card", "Planner", "Pen", "Folder", "Pouch")),
    Category("Kids", "Hedgerow", 13, 8,
             ("Wooden", "Cotton", "Felt"),
             ("Puzzle", "Bear", "Blocks", "Mobile", "Bib", "Kite")),
    Category("Gifts", "Fernhill", 16, 8,
             ("Winter", "Picnic", "Herb"),
             ("Box", "Hamper", "Candle", "Tin", "Set", "Basket")),
)  # fmt: skip
VARIANTS = ("Sage", "Slate", "Chalk", "Ochre", "(not set)")

PROMOTIONS = (
    Promotion("spring_table", "Set the table for spring", "Front page banner"),
    Promotion("linen_week", "Linen week", "Front page banner"),
    Promotion("last_pieces", "Last pieces, up to 30 % off", "Sale strip"),
)


def _products() -> tuple[Product, ...]:
    return tuple(
        Product(
            item_id=f"FH{place:02d}{number:03d}",
            item_name=f"{material} {thing}",
            item_brand=category.brand,
            item_variant=VARIANTS[(place + number) % len(VARIANTS)],
            category=place,
            price=_price(category.median_price, number, len(category.materials) * len(category.things)),
        )
        for place, category in enumerate(CATEGORIES)
        for number, (material, thing) in enumerate(pairs(category.materials, category.things))
    )


def _price(median: float, number: int, count: int) -> float:
    # A stride that shares no factor with the count scatters prices over the products' order of popularity.
    rank = (number * 7 + 3) % count
    return round(median * float(np.exp(PRICE_SPREAD * NormalDist().inv_cdf((rank + 0.5) / count))) * 2) / 2


PRODUCTS = _products()


@dataclass(frozen=True)
class Shelves:
    """The products as arrays: those of category c are `first[c]` up to `first[c] + count[c]`, most popular first.

    Every `things[c]`-th of them is the same thing of another material.
    """

    price: Floats
    category: Ints
    first: Ints
    count: Ints
    things: Ints
    popularity: Floats


def _shelves() -> Shelves:
    price = np.array([product.price for product in PRODUCTS])
    category = np.array([product.category for product in PRODUCTS])
    count = np.bincount(category)
    return Shelves(
        price=price,
        category=category,
        first=np.cumsum(count) - count,
        count=count,
        things=np.array([len(category.things) for category in CATEGORIES]),
        popularity=np.array([category.popularity for category in CATEGORIES]),
    )


SHELVES = _shelves()


def substitute(product: Ints, uniform: Floats) -> Ints:
    """For each product another one that serves as well: the same thing of another material."""
    shelf = SHELVES.category[product]
    first, count, things = SHELVES.first[shelf], SHELVES.count[shelf], SHELVES.things[shelf]
    others = count // things - 1
    away = (1 + (uniform * others).astype(np.int64)) * things
    return np.where(others > 0, first + (product - first + away) % count, product)
