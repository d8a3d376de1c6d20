"""A made-up shop: its export and its truth."""

import math
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import date
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from ga4_export.files import says_simulated
from ga4_export.listing import ExportError
from simulator import truth
from simulator.export import write
from simulator.report import NOTICEABLE, as_json, report
from simulator.scenarios import compose, settings_shop
from simulator.shop import Shop
from tactful.counted import counted, progress
from tactful.home import HomeError
from tactful.settings import EARLIEST, HOME, LATEST, Settings, SettingsError, variable

SAYS_NOTHING = "it says nothing about real visitors"
TOO_FEW = "too few moments"
_WHEN = {
    "drift": "from {begins}, over {ramp_days:g} days",
    "season": "from {begins} to {ends}",
    "relabelling": "from {begins}",
}


def shop_of(settings: Settings, scenario: str, **stated: Any) -> Shop:
    """The settings' shop, as a scenario changes it, with the fields that are stated; None states nothing.

    Raises:
        SettingsError: there is no such scenario, or the first day is too early or too late.
    """
    first = stated.get("first_day")
    if first and not EARLIEST <= first <= LATEST:
        raise SettingsError(f"--first-day is {first}: a day from {EARLIEST} to {LATEST} is needed.")
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
        SettingsError: nothing is delivered by then, or the folder holds what no simulator has written.
        HomeError: the folder can't be written.
    """
    if until and until < shop.first_day:
        raise SettingsError(f"--until is {until}: a day from the shop's first, {shop.first_day}, on is needed.")
    with _writing(folder):
        _refuse_foreign(folder)
    total = sum(until is None or day <= until for day in shop.calendar)
    with _writing(folder), progress("Simulating", total, "days", console) as advance:
        files = write(folder, shop, on_day=lambda _: advance(), until=until)
    console.print(f"{folder} holds {counted(len(files), 'day')} of a made-up shop; {SAYS_NOTHING}.")
    if others := set(folder.glob("events_*.parquet")) - set(files):
        console.print(
            f"It also holds {counted(len(others), 'other day')}, of another world perhaps: a run would build them too."
        )


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
    console.print(_of_the_world(figures))
    console.print(_of_policies(figures["conversions_a_1000_moments"]))
    console.print(f"All of it, and dollars, stages and segments, is in {file}; {SAYS_NOTHING}.")


def _refuse_foreign(folder: Path) -> None:
    """Refuse a folder of somebody's files, which may be days of a real export; what was left unfinished is ours."""
    entries = sorted(folder.iterdir()) if folder.exists() else ()
    foreign = next((entry for entry in entries if not (entry.match("events_*.tmp") or _is_made_up(entry))), None)
    if foreign:
        raise SettingsError(
            f"{folder} holds {foreign.name}, which no simulator has written: name a folder that is new, empty or a "
            "simulator's."
        )


def _is_made_up(file: Path) -> bool:
    try:
        return says_simulated(file)
    except ExportError:
        return False


@contextmanager
def _writing(folder: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise HomeError(f"{folder} can't be written ({error.strerror or error}): name a folder that can.") from None


def _of_the_world(figures: Mapping[str, Any]) -> Table:
    table = Table("of the pop-up in a made-up shop", "", title=counted(figures["moments"], "decision moment"))
    table.add_row("converting, if it is always shown", _told(figures["prevalence_if_always_shown"], ".2%"))
    table.add_row("converting, if it is never shown", _told(figures["prevalence_if_never_shown"], ".2%"))
    table.add_row("Bayes-optimal ROC-AUC", _told(figures["bayes"]["roc_auc"], ".4f"))
    by_chance = figures["roc_auc_of_last_fifth"]
    span = TOO_FEW if math.isnan(by_chance["low"]) else f"{by_chance['low']:.3f} to {by_chance['high']:.3f}"
    table.add_row("its ROC-AUC on the last fifth of the moments, in 95 % of draws", span)
    table.add_row("Bayes-optimal average precision", _told(figures["bayes"]["average_precision"], ".4f"))
    table.add_row(
        f"persuaded: uplift above {100 * NOTICEABLE:g} points", _told(figures["uplift"]["persuaded_share"], ".1%")
    )
    table.add_row(
        f"put off: uplift below -{100 * NOTICEABLE:g} points", _told(figures["uplift"]["put_off_share"], ".1%")
    )
    for change in figures["changes"]:
        table.add_row(f"{change['kind']} {change['name']}", _WHEN[change["kind"]].format(**change))
    return table


def _of_policies(conversions: Mapping[str, Mapping[str, float]]) -> Table:
    alone, any_offer = conversions["pop_up_alone"], conversions["pop_up_or_offer"]
    table = Table("conversions in 1,000 moments", "pop-up alone", "pop-up or offer")
    for name, figure in any_offer.items():
        table.add_row(name.replace("_", " "), _told(alone[name], ".2f") if name in alone else "", _told(figure, ".2f"))
    return table


def _told(figure: float, form: str) -> str:
    return TOO_FEW if math.isnan(figure) else format(figure, form)
