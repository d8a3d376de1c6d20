"""How far a long job is, and how many of something there are."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn


@contextmanager
def progress(doing: str, total: int, what: str, console: Console) -> Iterator[Callable[[], None]]:
    """A bar for as long as something is done `total` times; call what it gives after each one."""
    columns = (TextColumn(doing), BarColumn(), MofNCompleteColumn(), TextColumn(what), TimeElapsedColumn())
    with Progress(*columns, console=console) as bar:
        task = bar.add_task("", total=total)
        yield lambda: bar.advance(task)


def counted(number: int, what: str) -> str:
    """A number with its noun, which an s makes plural."""
    return f"{number:,} {what}{'' if number == 1 else 's'}"
