import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from simulator import export, truth
from simulator.actions import NOTHING, POP_UP
from simulator.effects import Effects
from simulator.latent import Latent
from simulator.population import Population
from simulator.popups import PopUp, is_moment
from simulator.shop import Shop
from simulator.site import Page
from simulator.walk import Steps

RULE = PopUp(fewest_pages=3, rest_days=7)


def eligible(*pages: int, on_desktop: bool = True, rested: bool = True) -> bool:
    size = len(pages)
    zero, no = np.zeros(size, dtype=np.int64), np.zeros(size, dtype=np.bool_)
    steps = Steps(zero, np.array(pages), zero, zero, no, no, zero, zero, zero, no, zero.astype(np.uint64))
    return bool(is_moment(RULE, steps, np.array([on_desktop]), np.array([rested]))[0])


def test_the_pop_up_is_for_desktop_visitors_who_looked_at_an_item_among_a_few_pages() -> None:
    assert eligible(Page.HOME, Page.CATEGORY, Page.ITEM)


@pytest.mark.parametrize(
    ("pages", "circumstances"),
    [
        ((Page.HOME, Page.ITEM), {}),
        ((Page.HOME, Page.CATEGORY, Page.CATEGORY), {}),
        ((Page.ITEM, Page.CART, Page.CHECKOUT), {}),
        ((Page.HOME, Page.CATEGORY, Page.ITEM), {"on_desktop": False}),
        ((Page.HOME, Page.CATEGORY, Page.ITEM), {"rested": False}),
    ],
)
def test_others_are_left_alone(pages: tuple[int, ...], circumstances: dict[str, bool]) -> None:
    assert not eligible(*pages, **circumstances)


STATE = st.floats(-4, 4)


@given(intent=STATE, price=STATE, patience=STATE, annoyance=STATE, more=st.floats(0.1, 2))
def test_annoyance_lowers_the_response_and_the_rest_raises_it(
    intent: float, price: float, patience: float, annoyance: float, more: float
) -> None:
    def response(*state: float) -> float:
        latent = Latent(*(np.array([value]) for value in state))
        return float(Effects().converts(latent, np.zeros(1))[0, POP_UP])

    base = response(intent, price, patience, annoyance)
    assert 0 < base < 1
    assert response(intent + more, price, patience, annoyance) > base
    assert response(intent, price + more, patience, annoyance) > base
    assert response(intent, price, patience + more, annoyance) > base
    assert response(intent, price, patience, annoyance + more) < base


def test_each_decision_is_told_with_its_propensity_shown_or_not() -> None:
    shop = Shop(days=1, sessions_per_day=800, pop_up=PopUp("half_at_exit"))
    rows = export.day_table(Population(shop), shop.first_day).to_pylist()
    told = {
        (parameters["decision_id"]["string_value"], row["event_name"], parameters["propensity"]["double_value"])
        for row in rows
        if row["event_name"] in {"popup_view", "popup_withheld"}
        for parameters in [{parameter["key"]: parameter["value"] for parameter in row["event_params"]}]
    }
    known = truth.on_day(Population(shop), shop.first_day)
    names = ["popup_withheld" if action == NOTHING else "popup_view" for action in known.action]
    assert told == set(zip(known.decision_id.to_pylist(), names, known.propensity.tolist(), strict=True))
    assert {name for _, name, _ in told} == {"popup_view", "popup_withheld"}
