"""What the shop can do at a decision moment: nothing, ask for an address, or offer something for it."""

from typing import NamedTuple


class Action(NamedTuple):
    """A pop-up or its absence; an offer has a `kind` and an `amount`, in percent or dollars.

    `appeal` is what the offer adds to the logit of converting, `to_the_thrifty` what it adds for a visitor whose price
    sensitivity is one above the mean, `cost` what a conversion by it costs in dollars.
    """

    name: str
    kind: str = ""
    amount: float = 0.0
    appeal: float = 0.0
    to_the_thrifty: float = 0.0
    cost: float = 0.0

    @property
    def is_offer(self) -> bool:
        return self.kind != ""


ACTIONS = (
    Action("nothing"),
    Action("pop_up"),
    Action("percent_5", "percent", 5.0, 0.15, 0.05, 0.8),
    Action("percent_10", "percent", 10.0, 0.35, 0.12, 1.7),
    Action("percent_20", "percent", 20.0, 0.6, 0.2, 4.2),
    Action("dollars_10", "amount", 10.0, 0.45, 0.15, 2.6),
    Action("free_shipping", "shipping", 5.9, 0.3, 0.1, 1.2),
    Action("gift", "gift", 1.0, 0.25, -0.1, 2.0),
)
"""Every action; a code is a place in here."""

NOTHING, POP_UP = 0, 1
OFFERS = tuple(code for code, action in enumerate(ACTIONS) if action.is_offer)
