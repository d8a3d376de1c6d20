"""A made-up shop: its export, its truth, and its visitors as clients of the decision service."""

import asyncio
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import date
from pathlib import Path
from typing import Any

import httpx
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from simulator import live, truth
from simulator.export import write
from simulator.report import as_json, report
from simulator.scenarios import compose, settings_shop
from simulator.shop import Shop
from tactful.ask import AskError, address, answer_of, headers
from tactful.home import HomeError
from tactful.settings import HOME, Settings, SettingsError, variable

SAYS_NOTHING = "it says nothing about real visitors"
_WHEN = {
    "drift": "from {begins}, over {ramp_days:g} days",
    "season": "from {begins} to {ends}",
    "relabelling": "from {begins}",
}


def shop_of(settings: Settings, scenario: str, **stated: Any) -> Shop:
    """The settings' shop, as a scenario changes it, with the fields that are stated; None states nothing.

    Raises:
        SettingsError: there is no such scenario.
    """
    try:
        return compose(scenario, settings_shop(settings), **{k: v for k, v in stated.items() if v is not None})
    except ValueError as unknown:
        raise SettingsError(str(unknown)) from None


def refuse_truth_near(folder: Path, settings: Settings, export: Path | None) -> None:
    """Refuse a folder of truth beside which the platform could use neither its home nor an export.

    Raises:
        SettingsError: one of them lies in the folder, or around it.
    """
    there = folder.resolve()
    for name, place in ((HOME, settings.home), (variable("export"), settings.export), ("the export", export)):
        if place and (there.is_relative_to(place.resolve()) or place.resolve().is_relative_to(there)):
            raise SettingsError(f"--truth is {folder}: name a folder that lies neither in nor around {name}, {place}.")


def simulate(folder: Path, shop: Shop, until: date | None, console: Console) -> None:
    """Write the day files of `shop` into `folder`, as GA4 has delivered them `until` a day, or whole.

    Raises:
        SettingsError: nothing is delivered by then.
        HomeError: the folder can't be written.
    """
    if until and until < shop.first_day:
        raise SettingsError(f"--until is {until}: a day from the shop's first, {shop.first_day}, on is needed.")
    columns = (TextColumn("Simulating"), BarColumn(), MofNCompleteColumn(), TextColumn("days"), TimeElapsedColumn())
    with _writing(folder), Progress(*columns, console=console) as progress:
        task = progress.add_task("", total=sum(until is None or day <= until for day in shop.calendar))
        files = write(folder, shop, on_day=lambda _: progress.advance(task), until=until)
    console.print(f"{len(files)} days of a made-up shop lie in {folder}; they say nothing about real visitors.")


def report_truth(settings: Settings, shop: Shop, folder: Path | None, console: Console) -> None:
    """Print what the best could do in `shop`, and write it to `bench/truth.json`; moments go to `folder`, if any.

    Raises:
        HomeError: the folder, or the home, can't be written.
    """
    if folder:
        with _writing(folder):
            known = truth.write(folder, shop)
    else:
        known = truth.of(shop)
    figures = report(shop, known)
    file = settings.home / "bench" / "truth.json"
    with _writing(file.parent):
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(as_json(figures))
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


@contextmanager
def _writing(folder: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise HomeError(f"{folder} can't be written ({error.strerror or error}): name a folder that can.") from None


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
    for change in figures["changes"]:
        table.add_row(f"{change['kind']} {change['name']}", _WHEN[change["kind"]].format(**change))
    return table
