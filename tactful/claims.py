"""One run at a time works on a home: another waits for its turn, or ends when its days are being built already."""

import fcntl
import json
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import date, timedelta
from pathlib import Path
from typing import Self, TextIO

CLAIM = ".claim"
PATIENCE_SECONDS = 1800.0
_TICK_SECONDS = 0.2


class ClaimError(RuntimeError):
    """The home is another run's; the message is one line that names it."""


@dataclass(frozen=True)
class Days:
    """Days that follow each other, both ends included."""

    first: date
    last: date

    def __str__(self) -> str:
        return f"{self.first}" if self.first == self.last else f"{self.first} to {self.last}"

    def __iter__(self) -> Iterator[date]:
        return (self.first + timedelta(days=day) for day in range((self.last - self.first).days + 1))

    def __contains__(self, other: "Days") -> bool:
        return self.first <= other.first and other.last <= self.last


@dataclass(frozen=True)
class Claim:
    """A run and the days it builds; a run that only reads builds none."""

    run_id: str
    days: Days | None = None

    @classmethod
    def from_json(cls, text: str) -> Self:
        stated = json.loads(text)
        days = stated["days"] and Days(*(date.fromisoformat(stated["days"][end]) for end in ("first", "last")))
        return cls(stated["run_id"], days)

    def to_json(self) -> str:
        return json.dumps(asdict(self), default=str)


@contextmanager
def claimed(
    home: Path, claim: Claim, tell: Callable[[str], object], patience: float = PATIENCE_SECONDS
) -> Iterator[None]:
    """While the block runs, the home is this run's alone; the system frees it when the process dies.

    DuckDB lets one process in at a time, readers too, and answers any other with an error of its own.

    Raises:
        ClaimError: another run builds all of these days, or did not end within `patience` seconds.
    """
    with (home / CLAIM).open("a+") as file:
        if _is_ours(file, claim, tell, time.monotonic() + patience):
            yield
            return
        _state(file, claim.to_json())
        try:
            yield
        finally:
            _state(file, "")


def _is_ours(file: TextIO, claim: Claim, tell: Callable[[str], object], deadline: float) -> bool:
    """Wait for the home; true where this very run holds it already."""
    is_told = False
    while not _is_free(file):
        holder = _holder(file)
        if holder and holder.run_id == claim.run_id:
            return True
        name = f"run {holder.run_id}" if holder else "another run"
        if holder and holder.days and claim.days and claim.days in holder.days:
            raise ClaimError(f"{claim.days} is being built by {name} already: this run leaves it to that one.")
        if time.monotonic() > deadline:
            raise ClaimError(f"{name} has not ended yet, and one works on a home at a time: run again after its end.")
        if not is_told:
            tell(f"Waiting for the end of {name}.")
            is_told = True
        time.sleep(_TICK_SECONDS)
    return False


def _is_free(file: TextIO) -> bool:
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _holder(file: TextIO) -> Claim | None:
    """Whose the home is; nobody's for the moment between taking it and saying so."""
    file.seek(0)
    text = file.read()
    return Claim.from_json(text) if text else None


def _state(file: TextIO, text: str) -> None:
    file.truncate(0)
    file.write(text)
    file.flush()
