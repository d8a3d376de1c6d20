"""Promotions: the page loads that bring one into view, which is what a visitor sees and what the export tells."""

from simulator.columns import Flags, chance
from simulator.site import Page
from simulator.walk import Steps

IN_VIEW = 0.54
"""How often a page that carries promotions is scrolled to one."""


def comes_into_view(steps: Steps) -> Flags:
    """True for the page loads on which a promotion comes into view: some of those of the home page and of the sale."""
    carries_promotions = (steps.page == Page.HOME) | (steps.page == Page.SALE)
    seen: Flags = carries_promotions & (chance(steps.dice, 1) < IN_VIEW)
    return seen
