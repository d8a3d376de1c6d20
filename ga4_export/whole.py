"""Files that are written whole or not at all: a reader sees the old one or the new one."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def written(file: Path) -> Iterator[Path]:
    """A path to write to, whose file takes the place of `file` only when the block ends well, and durably."""
    file.parent.mkdir(parents=True, exist_ok=True)
    partial = file.with_name(f"{file.name}.partial")
    try:
        yield partial
        _flush(partial)
        partial.replace(file)
        _flush(file.parent)
    finally:
        partial.unlink(missing_ok=True)


def text(file: Path, content: str) -> None:
    """Write a text file."""
    with written(file) as partial:
        partial.write_text(content)


def _flush(path: Path) -> None:
    """Have the disk hold what was written, so that a power cut can't leave a name without its bytes."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
