"""A made-up shop: its export, its truth, and its visitors as clients of the decision service."""

import asyncio
import json
from collections.abc import Mapping
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import httpx
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from simulator import live, truth
from simulator.export import write
from simulator.report import report
from simulator.scenarios import compose
from simulator.shop import Shop
from tactful.ask import AskError, address, answer_of, headers
from tactful.home import HomeError
from tactful.settings import Settings, SettingsError

SAYS_NOTHING = "it says nothing about real visitors"


def shop_of(scenario: str, first_day: date, seed: int, days: int | None, sessions: int | None) -> Shop:
    """The shop of a scenario, with what was said of its size.

    Raises:
        SettingsError: there is no such scenario.
    """
    size: dict[str, Any] = {
        name: given for name, given in (("days", days), ("sessions_per_day", sessions)) if given is not None
    }
    try:
        # said before the scenario too, which may count days from it
        return replace(compose(scenario, replace(Shop(seed=seed, first_day=first_day), **size)), **size)
    except ValueError as unknown:
        raise SettingsError(str(unknown)) from None


def simulate(folder: Path, shop: Shop, console: Console) -> None:
    """Write the day files of `shop` into `folder`.

    Raises:
        HomeError: the folder can't be written.
    """
    columns = (TextColumn("Simulating"), BarColumn(), MofNCompleteColumn(), TextColumn("days"), TimeElapsedColumn())
    try:
        with Progress(*columns, console=console) as progress:
            task = progress.add_task("", total=shop.days)
            write(folder, shop, on_day=lambda _: progress.advance(task))
    except OSError as error:
        raise HomeError(f"{folder} can't be written ({error.strerror}): name a folder that can.") from None
    console.print(f"{shop.days} days of a made-up shop lie in {folder}; they say nothing about real visitors.")


def report_truth(settings: Settings, shop: Shop, folder: Path | None, console: Console) -> None:
    """Print what the best could do in `shop`, and write it to `bench/truth.json`; moments go to `folder`, if any."""
    known = truth.write(folder, shop) if folder else truth.of(shop)
    figures = report(shop, known)
    file = settings.home / "bench" / "truth.json"
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(json.dumps(figures, indent=1))
    console.print(_table(figures))
    console.print(f"All of it is in {file}; {SAYS_NOTHING}.")


def live_through(settings: Settings, shop: Shop, day: date, speed: float, console: Console) -> None:
    """Live through the exits of a day with the running decision service, and tell what came of its decisions.

    Raises:
        AskError: no service answers, or it refuses.
    """
    moments = live.moments_on(shop, day)
    if not moments:
        console.print(f"On {day} nobody comes to an exit at which the shop decides.")
        return
    outcome = asyncio.run(_play(settings, moments, speed))
    table = Table("policy", "shown", "conversions expected", title=f"{day}: {outcome.moments} exits of a made-up shop")
    came = f"{outcome.expected:.2f} ({outcome.conversions} came, {outcome.left} visitors left)"
    table.add_row("the service's", str(outcome.shown), came)
    table.add_row("always", str(outcome.moments), f"{outcome.expected_always:.2f}")
    table.add_row("never", "0", f"{outcome.expected_never:.2f}")
    console.print(table)
    if outcome.fallbacks:
        console.print(f"{outcome.fallbacks} answers were the default, since no model could decide.")


async def _play(settings: Settings, moments: tuple[live.Moment, ...], speed: float) -> live.Outcome:
    async with httpx.AsyncClient(headers=headers(settings), timeout=30) as client:

        async def ask(request: Mapping[str, Any]) -> Mapping[str, Any]:
            try:
                response = await client.post(address(settings), json=request)
            except httpx.TransportError:
                raise AskError.no_answer(settings) from None
            return answer_of(response)

        return await live.play(moments, ask, speed)


def _table(figures: Mapping[str, Any]) -> Table:
    table = Table("of the pop-up in a made-up shop", "", title=f"{figures['moments']:,} decision moments")
    table.add_row("converting, if it is always shown", f"{figures['prevalence_if_always_shown']:.2%}")
    table.add_row("converting, if it is never shown", f"{figures['prevalence_if_never_shown']:.2%}")
    for name, figure in figures["bayes"].items():
        table.add_row(f"Bayes-optimal {name.replace('_', ' ')}", f"{figure:.4f}")
    uplift = figures["uplift"]
    table.add_row("persuaded / put off", f"{uplift['persuaded_share']:.1%} / {uplift['put_off_share']:.1%}")
    for name, figure in figures["conversions_a_1000_moments"].items():
        table.add_row(f"conversions in 1,000 moments, {name.replace('_', ' ')}", f"{figure:.2f}")
    for drift in figures["drifts"]:
        table.add_row(f"drift {drift['name']}", f"from {drift['begins']}, over {drift['ramp_days']:g} days")
    return table
