"""Visitors as clients: what comes of answers is what the truth says."""

import asyncio
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest

from simulator import live
from simulator.popups import PopUp
from simulator.shop import Shop

SHOP = Shop(days=1, sessions_per_day=4_000)


@pytest.fixture(scope="module")
def moments() -> tuple[live.Moment, ...]:
    return live.moments_on(SHOP, SHOP.first_day)


def played(moments: tuple[live.Moment, ...], *actions: str, fallback: bool = False) -> live.Outcome:
    """What comes of answers that take the actions in turn."""
    asked: list[Mapping[str, Any]] = []

    async def ask(request: Mapping[str, Any]) -> Mapping[str, Any]:
        asked.append(request)
        return {"action": actions[(len(asked) - 1) % len(actions)], "fallback": fallback}

    outcome = asyncio.run(live.play(moments, ask, speed=1e9))
    assert asked == [moment.request for moment in moments]
    return outcome


def test_always_and_never_are_worth_what_the_truth_says(moments: tuple[live.Moment, ...]) -> None:
    always, never = played(moments, "show"), played(moments, "hide")
    assert (always.shown, never.shown) == (len(moments), 0)
    assert always.expected == pytest.approx(sum(moment.converts[True] for moment in moments))
    assert never.expected == pytest.approx(sum(moment.converts[False] for moment in moments))
    assert always.conversions == sum(moment.has_converted[True] for moment in moments) > never.conversions
    assert never.left == sum(moment.has_left[False] for moment in moments) != always.left
    assert always.expected_never == pytest.approx(never.expected)


def test_each_answer_counts_at_its_own_moment(moments: tuple[live.Moment, ...]) -> None:
    outcome = played(moments, "show", "hide", fallback=True)
    shown = [place % 2 == 0 for place in range(len(moments))]
    assert (outcome.shown, outcome.fallbacks) == (sum(shown), len(moments))
    assert outcome.conversions == sum(m.has_converted[is_shown] for m, is_shown in zip(moments, shown, strict=True))
    assert outcome.expected == pytest.approx(
        sum(m.converts[is_shown] for m, is_shown in zip(moments, shown, strict=True))
    )


def test_a_request_tells_nothing_of_what_the_shop_did_or_what_came_of_it(moments: tuple[live.Moment, ...]) -> None:
    """Of first visits, which no pop-up came before, under two policies."""
    never = live.moments_on(replace(SHOP, pop_up=PopUp("never")), SHOP.first_day)
    shown, withheld = (
        {m.request["user_pseudo_id"]: m.request for m in day if m.request["profile"]["session_number"] == 1}
        for day in (moments, never)
    )
    both = shown.keys() & withheld.keys()
    assert len(both) > 100
    assert all(shown[user]["events"] == withheld[user]["events"] for user in both)
    assert not any(event["event_name"] == "generate_lead" for m in never for event in m.request["events"])
