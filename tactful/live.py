"""Made-up visitors as clients of the decision service."""

import asyncio
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import date, timedelta
from typing import Any

import httpx
from rich.console import Console
from rich.table import Table

from serving.audit import AuditedDecision, AuditLog
from serving.vector import Freshness
from simulator import live
from simulator.shop import Shop
from tactful.ask import AskError, address, answer_of, headers
from tactful.counted import counted, progress
from tactful.settings import HOME, Settings, SettingsError
from tactful.simulate import SAYS_NOTHING
from tactful.source import source_of
from tactful.stores import decision_record


def refuse_live(settings: Settings, shop: Shop, day: date) -> None:
    """Refuse a day for which `shop` has no visitors to tell of, and a home whose visitors are real.

    Raises:
        SettingsError: one of them is.
        ExportError: the home's export can't be looked at.
    """
    if settings.profile == "gcp" or not source_of(settings).is_simulated:
        raise SettingsError(
            f"{settings.home} is built on a real export: among its decisions on record made-up visitors have no place. "
            f"Name a home of the simulator's shop by {HOME}."
        )
    first, last = shop.calendar[0], shop.calendar[-1]
    following = last + timedelta(days=1)
    if not first <= day <= following:
        raise SettingsError(
            f"--live is {day}: the shop's days are {first} to {last}, and the day after, {following}, may be lived too."
        )


def live_through(settings: Settings, shop: Shop, day: date, speed: float, console: Console) -> None:
    """Live through the exits of a day with the running decision service, and tell what came of its decisions.

    Raises:
        AskError: no service answers, or it refuses.
    """
    moments = live.moments_on(shop, day)
    if not moments:
        console.print(f"On {day} nobody comes to an exit at which the shop decides.")
        return
    decisions: list[str] = []
    with progress("Living", len(moments), "exits", console) as advance:

        def hear(answer: Mapping[str, Any]) -> None:
            decisions.append(answer["decision_id"])
            advance()

        outcome = asyncio.run(_play(settings, moments, speed, hear))
    table = Table("policy", "shown", "conversions expected", title=f"{day}: {outcome.moments} exits of a made-up shop")
    came = f"{outcome.expected:.2f} ({outcome.conversions} came, {outcome.left} visitors left)"
    table.add_row("the service's", str(outcome.shown), came)
    table.add_row("always", str(outcome.moments), f"{outcome.expected_always:.2f}")
    table.add_row("never", "0", f"{outcome.expected_never:.2f}")
    console.print(table)
    console.print(freshness([found.feature_status for found in _on_record(settings, decisions)]))
    if outcome.fallbacks:
        console.print(f"By default, since no model could decide: {counted(outcome.fallbacks, 'answer')}.")
    console.print(f"The shop is made up; {SAYS_NOTHING}.")


def freshness(statuses: Sequence[Mapping[str, str]]) -> str:
    """How many decisions were made from fresh features of earlier days; `statuses` tell each one's views."""
    looked_up = [set(status.values()) for status in statuses if status]
    if not looked_up:
        return "No answer was made from features of the visitors' earlier days: the model reads none."
    fresh = looked_up.count({Freshness.FRESH})
    return f"{fresh:,} of {counted(len(looked_up), 'answer')} had fresh features of the visitor's earlier days."


def _on_record(settings: Settings, decisions: Sequence[str]) -> Iterator[AuditedDecision]:
    # an answer names what was stale, and not whether the visitor was unknown
    with AuditLog(decision_record(settings)) as audit:
        yield from filter(None, map(audit.find, decisions))


async def _play(
    settings: Settings,
    moments: tuple[live.Moment, ...],
    speed: float,
    on_answer: Callable[[Mapping[str, Any]], None],
) -> live.Outcome:
    async with httpx.AsyncClient(headers=headers(settings), timeout=30) as client:

        async def ask(request: Mapping[str, Any]) -> Mapping[str, Any]:
            try:
                response = await client.post(address(settings), json=request)
            except httpx.TransportError:
                raise AskError.no_answer(settings) from None
            answer = answer_of(response)
            on_answer(answer)
            return answer

        return await live.play(moments, ask, speed)
