"""Databases that another process holds."""

import sqlite3
import threading
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path


@contextmanager
def held(database: Path) -> Iterator[None]:
    """Hold a database for itself alone while the block runs."""
    with closing(sqlite3.connect(database, isolation_level=None)) as holder:
        holder.execute("begin exclusive")
        yield


@contextmanager
def held_for(database: Path, seconds: float) -> Iterator[Callable[[], bool]]:
    """Hold a database for itself alone for so many seconds; tells whether it is held still."""
    holder = sqlite3.connect(database, isolation_level=None, check_same_thread=False)
    holder.execute("begin exclusive")
    released = threading.Event()

    def release() -> None:
        released.set()
        holder.execute("rollback")
        holder.close()

    timer = threading.Timer(seconds, release)
    timer.start()
    try:
        yield lambda: not released.is_set()
    finally:
        timer.join()
