"""Worlds by name; names joined by `+` change the default one after the other: `large+drift_abrupt`."""

from collections.abc import Callable
from dataclasses import replace
from datetime import date, timedelta
from typing import Any

from simulator.changes import Drift, Season, Shift
from simulator.segments import FAR_APART
from simulator.shop import Shop
from tactful.settings import Settings

Scenario = Callable[[Shop], Shop]


def default(shop: Shop) -> Shop:
    """The first case study's size: about 61 impressions a day, 2 % of them submitted."""
    return shop


def tiny(shop: Shop) -> Shop:
    """The first case study's table: of the default seed 5,504 impressions, 83 submitted, too few to be sure of much."""
    asked = replace(shop.effects.converts_asked, base=shop.effects.converts_asked.base - 0.2)
    return replace(shop, days=90, sessions_per_day=934.32, effects=replace(shop.effects, converts_asked=asked))


def large(shop: Shop) -> Shop:
    """Statistics: half a year, twenty times the visitors, actions at random, so that uplift can be learnt."""
    return replace(shop, days=180, sessions_per_day=20_000, pop_up=replace(shop.pop_up, policy="randomised"))


def drift_abrupt(shop: Shop) -> Shop:
    """Visitors turn from one day to the next, two thirds through: less intent, and fewer convert, asked or not."""
    shift = Shift(intent=-0.5, annoyance=0.5, response=-0.7)
    return _changing(shop, Drift("abrupt", _after(shop, 2 / 3), shift))


def drift_gradual(shop: Shop) -> Shop:
    """The same turn, over three weeks from the middle on: for alarms that only look at yesterday."""
    shift = Shift(intent=-0.5, annoyance=0.5, response=-0.7)
    return _changing(shop, Drift("gradual", _after(shop, 1 / 2), shift, ramp_days=21))


def season_peak(shop: Shop) -> Shop:
    """Weeks of more visitors with more intent, the same every year: what an alarm must not take for a drift."""
    shift = Shift(intent=0.4, price_sensitivity=0.3, crowd=0.6)
    first, last = _after(shop, 1 / 2), _after(shop, 3 / 4)
    return _changing(shop, Season("peak", (first.month, first.day), (last.month, last.day), shift))


def relabelled_channel(shop: Shop) -> Shop:
    """Google's organic visits get another medium from the middle on, and nobody behaves otherwise."""
    return replace(shop, relabels=_after(shop, 1 / 2))


def bad_data(shop: Shop) -> Shop:
    """An export as bad as they come: late, doubled, malformed rows, bots, and page loads without consent."""
    faults = replace(shop.faults, duplicates=0.05, malformed=0.005, late=0.02, bots=0.002, denied=1.5)
    return replace(shop, faults=faults)


def cold_start(shop: Shop) -> Shop:
    """A shop that opens on its first day: two weeks, and nobody has a history."""
    return replace(shop, days=14, opens=shop.first_day)


def clear_kinds(shop: Shop) -> Shop:
    """A members' shop: kinds that hardly overlap, whose visitors come often, stay long, and do what is like them."""
    landing = (5.0, 50.0, 5.0, 5.0, 25.0, 0.3, 0.0, 0.0, 0.0, 5.0, 5.0)
    return replace(
        shop,
        arrivals=replace(
            shop.arrivals,
            segments=FAR_APART,
            first_visits_per_session=0.044,
            affinity_spread=1.0,
            loyalty_in_affinity=0.0,
        ),
        moods=replace(shop.moods, spread=0.1, circumstances=0.1),
        returns=replace(shop.returns, base=3.5, loyalty=0.3, days_until=1.0, days_spread=0.6),
        behaviour=replace(
            shop.behaviour,
            landing=landing,
            pull=2.0,
            leaving=0.3,
            add_to_cart=-4.0,
            cheaper_by_price_sensitivity=2.0,
            coupon_by_price_sensitivity=2.0,
            engaged_by_patience=0.6,
            engaged_spread=0.6,
        ),
    )


SCENARIOS: dict[str, Scenario] = {
    scenario.__name__: scenario
    for scenario in (
        default,
        tiny,
        large,
        drift_abrupt,
        drift_gradual,
        season_peak,
        relabelled_channel,
        bad_data,
        cold_start,
        clear_kinds,
    )
}


def settings_shop(settings: Settings) -> Shop:
    """The shop that a home's settings describe."""
    return Shop(
        seed=settings.simulation_seed,
        first_day=settings.simulation_first_day,
        days=settings.simulation_days,
        sessions_per_day=settings.simulation_sessions,
        time_zone=settings.time_zone,
    )


def compose(names: str, shop: Shop, **stated: Any) -> Shop:
    """The shop of scenarios, by their names joined by `+`; what is `stated` of its fields holds, whatever they say.

    Raises:
        ValueError: a name is missing, stands twice, or is no scenario's.
    """
    shop = replace(shop, **stated)
    for name in _separate(names):
        # each time, since the next scenario may count its days from them
        shop = replace(SCENARIOS[name](shop), **stated)
    return shop


def _separate(names: str) -> list[str]:
    separate = [name.strip() for name in names.split("+")]
    for place, name in enumerate(separate):
        if not name:
            raise ValueError(f"In the scenario {names!r} a name is missing; there are {', '.join(SCENARIOS)}.")
        if name not in SCENARIOS:
            raise ValueError(f"There is no scenario {name!r}; there are {', '.join(SCENARIOS)}.")
        if name in separate[:place]:
            raise ValueError(f"The scenario {names!r} names {name} twice; once is enough.")
    return separate


def _after(shop: Shop, share: float) -> date:
    return shop.first_day + timedelta(days=round(share * shop.days))


def _changing(shop: Shop, change: Drift | Season) -> Shop:
    return replace(shop, changes=(*shop.changes, change))
