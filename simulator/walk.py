"""The event process: which pages a session opens, what it puts into the basket, and how long it looks.

A visitor on a page chooses the next one by a log-linear Markov chain: the weight of each next page is the table's entry
times the exponential of what the visitor's latent state adds for that page. The basket opens the way to the checkout.
"""

from dataclasses import dataclass

import numpy as np

from simulator.catalogue import SHELVES, substitute
from simulator.columns import Columns, Dice, Flags, Floats, Ints, draw, first_of_run, sigmoid
from simulator.latent import Latent
from simulator.site import SUBJECTS, Page

INTENT = 0
IMPOSSIBLE = 1e-12
LONGEST_VISIT = 60
SHORTEST_LOOK_MS = 500
LONGEST_LOOK_MS = 10 * 60 * 1000

_TABLE = """
            home  cat  sale search item  cart check  pay thanks acct  cont  leave
home         4.0  17.0  3.0   1.6   1.0   1.5   0.0   0.0  0.0   2.5   4.0  59.0
category     5.0  24.0  1.9   1.3   4.8   1.5   0.0   0.0  0.0   0.7   1.0  42.0
sale         4.0  12.0  7.0   1.1   5.9   1.5   0.0   0.0  0.0   0.7   1.0  42.0
search       4.0   9.0  1.5   8.6   5.5   1.5   0.0   0.0  0.0   0.7   2.0  45.0
item         3.5  15.0  2.3   1.3  53.5  11.5   4.8   0.0  0.0   0.7   1.0  25.2
cart         3.0   8.0  1.5   0.6  14.0  12.0 125.0   0.0  0.0   3.0   1.0  17.2
checkout     1.0   2.0  0.4   0.2   3.0   8.0   6.0   8.2  0.0   3.0   1.5  28.5
payment      1.0   1.0  0.2   0.2   1.0   3.0   2.5  17.6 15.6   0.5   1.0  18.7
thanks       5.0   3.0  0.4   0.3   1.0   0.3   0.0   0.0 14.0   5.0   2.0  69.0
account     16.0  14.0  2.2   1.1   1.2   6.0  10.0   0.0  0.0  18.0   3.0  37.0
content     12.0  10.0  1.5   1.1   0.7   0.5   0.0   0.0  0.0   1.0  18.0  64.0
"""
NEXT_PAGE = np.array([[float(weight) for weight in row.split()[1:]] for row in _TABLE.strip().splitlines()[1:]])

_PULL = """
                   home  cat  sale search item  cart check  pay thanks acct  cont  leave
intent             0.0   0.15 0.0  0.15  0.50  0.45  0.45  0.35  0.35  0.15  -0.1  -0.45
price_sensitivity  0.0   0.0  1.00 0.30  0.0   0.0  -0.10 -0.10 -0.15  0.0   0.0    0.0
patience           0.0   0.1  0.1  0.0   0.1   0.0   0.0   0.0   0.0   0.0   0.4   -0.30
annoyance         -0.1   0.0  0.0  0.1   0.0   0.0  -0.10 -0.10  0.0   0.0  -0.2    0.20
"""
PULL = np.array([[float(pull) for pull in row.split()[1:]] for row in _PULL.strip().splitlines()[1:]])

_STAYS = np.arange(NEXT_PAGE.shape[1]) != Page.LEAVE


@dataclass(frozen=True)
class Behaviour:
    """How latent state becomes behaviour, beside the tables above.

    `pull` is how strongly the state in which a visit begins draws to pages, and `leaving` how readily a visit ends, in
    times of the tables'.
    """

    landing: tuple[float, ...] = (44.0, 21.0, 5.0, 0.5, 9.5, 0.3, 0.0, 0.0, 0.0, 1.2, 18.5)
    pull: float = 1.0
    leaving: float = 1.0
    leaving_with_basket: float = 0.35
    intent_spent_on_order: float = 2.0
    add_to_cart: float = -5.32
    add_to_cart_by_intent: float = 1.42
    remove_from_cart: float = 0.4
    one_of_a_kind: float = 0.74
    changes_shelf: float = 0.6
    popularity: float = 1.7
    compares: float = 0.3
    cheaper_by_price_sensitivity: float = 0.7
    coupon: float = -2.2
    coupon_by_price_sensitivity: float = 0.9
    engaged_seconds: float = 4.9
    engaged_spread: float = 0.85
    engaged_by_patience: float = 0.4
    engaged_by_annoyance: float = -0.4
    idle_seconds: float = 14.0
    idle_spread: float = 1.6


@dataclass(frozen=True)
class Steps(Columns):
    """Page loads in the order in which their sessions made them, sessions one after the other.

    `quantity` of the item was put into the basket on the page; `leave_us` is when the visitor left it. On the way out
    of a page `at_exit` the shop decides what to do.
    """

    session: Ints
    page: Ints
    subject: Ints
    quantity: Ints
    removes: Flags
    has_coupon: Flags
    start_us: Ints
    engaged_ms: Ints
    leave_us: Ints
    at_exit: Flags
    dice: Dice

    @property
    def is_first(self) -> Flags:
        """True for the page on which a session lands."""
        lands: Flags = np.diff(self.session, prepend=-1) != 0
        return lands


@dataclass(frozen=True)
class _Moves(Columns):
    session: Ints
    page: Ints
    adds: Flags
    removes: Flags


@dataclass(frozen=True)
class Left(Columns):
    """Where sessions that go on were left: the page, and how many lines lay in the basket."""

    page: Ints
    lines: Ints


def walk(
    rng: np.random.Generator, behaviour: Behaviour, latent: Latent, start_us: Ints, left: Left | None = None
) -> Steps:
    """The page loads from `start_us` on of sessions with the given latent state, which land, or go on from `left`."""
    moves = _moves(rng, behaviour, latent, left)
    moves = moves.take(np.argsort(moves.session, kind="stable"))
    size = len(moves)
    lands = np.diff(moves.session, prepend=-1) != 0
    engaged_ms, look_us = _looks(rng, behaviour, latent.take(moves.session))
    left_us = np.cumsum(look_us)
    leave_us = start_us[moves.session] + left_us - (left_us - look_us)[first_of_run(lands)]
    coupon = behaviour.coupon + behaviour.coupon_by_price_sensitivity * latent.price_sensitivity[moves.session]
    return Steps(
        session=moves.session,
        page=moves.page,
        subject=_subjects(rng, behaviour, moves, lands, latent.price_sensitivity[moves.session]),
        quantity=np.where(moves.adds, rng.geometric(behaviour.one_of_a_kind, size), 0),
        removes=moves.removes,
        has_coupon=(moves.page == Page.THANKS) & (rng.random(size) < sigmoid(coupon)),
        start_us=leave_us - look_us,
        engaged_ms=engaged_ms,
        leave_us=leave_us,
        at_exit=np.full(size, False),
        dice=rng.integers(0, 2**64, size, dtype=np.uint64),
    )


def lines_in_basket(steps: Steps, sessions: int) -> Ints:
    """How many lines lie in the basket at the end of sessions that have not ordered."""
    changes = (steps.quantity > 0).astype(np.int64) - steps.removes
    return np.bincount(steps.session, changes, sessions).astype(np.int64)


def _moves(rng: np.random.Generator, behaviour: Behaviour, latent: Latent, left: Left | None) -> _Moves:
    """Every page load, one round of all sessions that go on after the other."""
    state = np.stack([latent.intent, latent.price_sensitivity, latent.patience, latent.annoyance], axis=1)
    pull, wants = np.exp(behaviour.pull * (state @ PULL)), _wants(behaviour, latent.intent)
    pull[:, Page.LEAVE] *= behaviour.leaving
    alive = np.arange(len(latent))
    if left is None:
        lines, page = np.zeros(len(latent), dtype=np.int64), draw(rng, behaviour.landing, len(latent))
    else:
        lines, page = left.lines.copy(), _next_page(rng, behaviour, left.page, pull * _STAYS, left.lines > 0)
    may_remove = lines > 0
    rounds: list[_Moves] = []
    while (len(alive) or not rounds) and len(rounds) < LONGEST_VISIT:
        uniform = rng.random(len(alive))
        adds = (page == Page.ITEM) & (uniform < wants[alive])
        removes = (page == Page.CART) & (uniform < behaviour.remove_from_cart) & may_remove[alive]
        rounds.append(_Moves(alive, page, adds, removes))
        lines[alive] += adds
        lines[alive] -= removes
        may_remove[alive] = adds | (may_remove[alive] & ~removes)
        buyers = alive[page == Page.THANKS]
        if len(buyers):
            lines[buyers], may_remove[buyers] = 0, False
            pull[buyers] *= np.exp(-behaviour.intent_spent_on_order * PULL[INTENT])
            wants[buyers] = _wants(behaviour, latent.intent[buyers] - behaviour.intent_spent_on_order)
        page = _next_page(rng, behaviour, page, pull[alive], lines[alive] > 0)
        stays = page != Page.LEAVE
        alive, page = alive[stays], page[stays]
    return _Moves.concatenate(rounds)


def _wants(behaviour: Behaviour, intent: Floats) -> Floats:
    """P(add to cart | item page)."""
    return sigmoid(behaviour.add_to_cart + behaviour.add_to_cart_by_intent * intent)


def _next_page(rng: np.random.Generator, behaviour: Behaviour, page: Ints, pull: Floats, has_basket: Flags) -> Ints:
    weight = NEXT_PAGE[page] * pull
    weight[:, Page.CART : Page.CHECKOUT + 1] *= has_basket[:, None]
    weight[has_basket, Page.LEAVE] *= behaviour.leaving_with_basket
    # The first of independent exponential clocks rings with probability proportional to its rate.
    chosen: Ints = np.argmin(rng.standard_exponential(weight.shape) / np.maximum(weight, IMPOSSIBLE), axis=1)
    return chosen


def _subjects(
    rng: np.random.Generator, behaviour: Behaviour, moves: _Moves, lands: Flags, price_sensitivity: Floats
) -> Ints:
    """Which page of its kind each page load opens.

    Items are from the shelf of the last category looked at; one that follows another may be a substitute for it.
    """
    size = len(moves)
    changes = (moves.page == Page.CATEGORY) & (rng.random(size) < behaviour.changes_shelf)
    shelf = draw(rng, SHELVES.popularity, size)[first_of_run(lands | changes)]
    place = (SHELVES.count[shelf] * rng.random((2, size)) ** behaviour.popularity).astype(np.int64)
    eyed = SHELVES.first[shelf] + place
    cheaper, dearer = np.where(SHELVES.price[eyed[0]] < SHELVES.price[eyed[1]], eyed, eyed[::-1])
    takes_cheaper = rng.random(size) < sigmoid(behaviour.cheaper_by_price_sensitivity * price_sensitivity)
    other = (rng.random(size) * np.array([*SUBJECTS, 1])[moves.page]).astype(np.int64)
    follows_item = ~lands & (moves.page == Page.ITEM) & (np.roll(moves.page, 1) == Page.ITEM)
    compares = follows_item & (rng.random(size) < behaviour.compares)
    compared = np.where(takes_cheaper, cheaper, dearer)[first_of_run(~compares)]
    item = np.where(compares, substitute(compared, rng.random(size)), compared)
    return np.select([moves.page == Page.ITEM, moves.page == Page.CATEGORY], [item, shelf], other)


def _looks(rng: np.random.Generator, behaviour: Behaviour, latent: Latent) -> tuple[Ints, Ints]:
    """Milliseconds of attention, and microseconds until the page is left, for each page load."""
    mood = behaviour.engaged_by_patience * latent.patience + behaviour.engaged_by_annoyance * latent.annoyance
    engaged, idle = rng.standard_normal((2, len(latent)))
    engaged_ms = behaviour.engaged_seconds * 1000 * np.exp(mood + behaviour.engaged_spread * engaged)
    idle_ms = behaviour.idle_seconds * 1000 * np.exp(behaviour.idle_spread * idle)
    whole_engaged_ms = SHORTEST_LOOK_MS + np.minimum(engaged_ms, LONGEST_LOOK_MS).astype(np.int64)
    whole_idle_ms = np.minimum(idle_ms, LONGEST_LOOK_MS).astype(np.int64)
    return whole_engaged_ms, (whole_engaged_ms + whole_idle_ms) * 1000 + rng.integers(0, 1000, len(latent))
