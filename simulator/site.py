"""The shop's pages: their kinds, addresses and titles."""

from itertools import accumulate

from simulator.catalogue import CATEGORIES, PRODUCTS
from simulator.traffic import CHANNELS

HOSTNAME = "www.fernhill.example"
SHOP_NAME = "Fernhill"


class Page:
    """The codes of the kinds of page; LEAVE stands for the end of the session."""

    HOME = 0
    CATEGORY = 1
    SALE = 2
    SEARCH = 3
    ITEM = 4
    CART = 5
    CHECKOUT = 6
    PAYMENT = 7
    THANKS = 8
    ACCOUNT = 9
    CONTENT = 10
    LEAVE = 11


SEARCH_TERMS = (
    "mug", "linen sheets", "gift", "lamp", "sale", "planter", "towel", "blanket", "notebook", "wool throw", "vase",
    "shipping", "candle", "cushion cover", "wooden toys", "returns", "oak frame", "tea towel", "voucher", "hamper",
)  # fmt: skip
ACCOUNT_PAGES = ("login", "register")
CONTENT_PAGES = ("our-story", "care-guide", "delivery", "size-guide", "workshop-film", "contact")


def _address(name: str) -> str:
    return name.lower().replace(" ", "-")


_PAGES: tuple[tuple[tuple[str, str], ...], ...] = (
    (("", f"{SHOP_NAME} | Things for the house"),),
    tuple((_address(category.name), f"{category.name} | {SHOP_NAME}") for category in CATEGORIES),
    (("last-pieces", f"Last pieces | {SHOP_NAME}"),),
    tuple(("search?q=" + term.replace(" ", "+"), f"Search | {SHOP_NAME}") for term in SEARCH_TERMS),
    tuple(
        (f"{_address(CATEGORIES[product.category].name)}/{_address(product.item_name)}", product.item_name)
        for product in PRODUCTS
    ),
    (("basket", "Your basket"),),
    (("checkout", "Checkout"),),
    (("checkout/payment", "Payment"),),
    (("checkout/thank-you", "Thank you"),),
    tuple((f"account/{page}", f"{page.capitalize()} | {SHOP_NAME}") for page in ACCOUNT_PAGES),
    tuple((page, f"{page.replace('-', ' ').capitalize()} | {SHOP_NAME}") for page in CONTENT_PAGES),
)

SUBJECTS = tuple(len(pages) for pages in _PAGES)
"""How many pages there are of each kind; a page is its kind and its subject, counted from 0."""

FIRST = tuple(accumulate(SUBJECTS, initial=0))[:-1]
"""The code of each kind's first page in TITLES and LOCATIONS."""

TITLES = tuple(title for pages in _PAGES for _, title in pages)
_ADDRESSES = tuple(f"https://{HOSTNAME}/{address}" for pages in _PAGES for address, _ in pages)


def _tagged(address: str, source: str, medium: str, campaign: str) -> str:
    joint = "&" if "?" in address else "?"
    return f"{address}{joint}utm_source={source}&utm_medium={medium}&utm_campaign={campaign}"


_TAGS = tuple((c.source, c.medium, c.campaign) for c in CHANNELS if c.is_tagged)

LOCATIONS = _ADDRESSES + tuple(_tagged(address, *tag) for tag in _TAGS for address in _ADDRESSES)
"""Every page's address, then every page as each tagged channel lands on it."""

LANDING_OFFSET = tuple(
    len(TITLES) * (1 + _TAGS.index((c.source, c.medium, c.campaign))) if c.is_tagged else 0 for c in CHANNELS
)
"""What to add, per channel, to a page's code to get its address as a landing page."""
