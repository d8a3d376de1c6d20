"""What a visit does to its visitor: the state in which they reach its exit, moved by what has happened on the way."""

from dataclasses import dataclass

import numpy as np

from simulator.clock import MINUTE
from simulator.columns import Flags, Floats, Ints
from simulator.latent import Latent
from simulator.promotions import comes_into_view
from simulator.site import Page
from simulator.walk import Steps, lines_in_basket


@dataclass(frozen=True)
class Experience:
    """How far happenings move the latent state; a visit in which nothing has happened leaves it as it was.

    The exit shows what a visitor has done, so the stronger these are, the more of the truth a model can see. Pages that
    follow are chosen by the state of before: how one leads to the next is the walk's own matter.
    """

    intent_by_searching: float = 2.0
    intent_by_filling_basket: float = 3.5
    intent_by_items: float = 1.2
    price_sensitivity_by_promotion: float = 2.5
    patience_by_minutes: float = -0.5
    annoyance_by_pages: float = 0.5

    def after(self, latent: Latent, steps: Steps) -> Latent:
        """The state after the page loads of each visit."""

        def count(which: Flags | Ints | Floats) -> Floats:
            counts: Floats = np.bincount(steps.session, which, len(latent)).astype(np.float64)
            return counts

        minutes = count((steps.leave_us - steps.start_us) / MINUTE)
        keeps_basket = (lines_in_basket(steps, len(latent)) > 0) & (count(steps.page == Page.THANKS) == 0)
        return Latent(
            intent=latent.intent
            + self.intent_by_searching * (count(steps.page == Page.SEARCH) > 0)
            + self.intent_by_filling_basket * keeps_basket
            + self.intent_by_items * np.log1p(count(steps.page == Page.ITEM)),
            price_sensitivity=latent.price_sensitivity
            + self.price_sensitivity_by_promotion * (count(comes_into_view(steps)) > 0),
            patience=latent.patience + self.patience_by_minutes * np.log1p(minutes),
            annoyance=latent.annoyance + self.annoyance_by_pages * np.log(count(np.ones(len(steps)))),
        )
