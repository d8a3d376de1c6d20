"""Files that hold visitors' ids, which nobody but their owner may read."""

from pathlib import Path


def make_private(file: Path) -> None:
    """See that `file` is there; one that wasn't is its owner's alone, and so is the log that SQLite puts beside it."""
    file.parent.mkdir(parents=True, exist_ok=True)
    if not file.exists():
        file.touch(mode=0o600)
