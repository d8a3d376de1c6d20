"""Tables as people and programs read them: nothing in them is cut."""

from rich.console import Console
from rich.measure import Measurement
from rich.table import Table


def print_whole(console: Console, table: Table) -> None:
    """Print a table as wide as it is; a narrow terminal folds its lines."""
    width = Measurement.get(console, console.options.update(max_width=10_000), table).maximum
    Console(file=console.file, width=max(width, console.width)).print(table)
