"""A made-up shop's export, written with a progress bar."""

from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from simulator.export import write
from simulator.shop import Shop
from tactful.home import HomeError


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
