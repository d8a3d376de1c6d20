"""Whether a level is only called otherwise: one has lost what another gained, and nobody behaves differently."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd

MISSING = "missing"
"""The level of what is null."""

_ALIKE = 0.5
"""The least that the one share must be of the other: channels grow and shrink while one of them is renamed."""

_FACTOR = 2
"""A name goes or comes: its share is halved at least, or the other's doubled. Else both are in use as before."""

_MIN_LEVELS = 3
"""With two names for everything, the one always gains what the other loses."""


@dataclass(frozen=True)
class Relabelling:
    """A level of a column that may be called `becomes` now."""

    column: str
    level: str
    becomes: str

    def __str__(self) -> str:
        return f"{self.column} {self.level!r} may be called {self.becomes!r} now"

    def undone(self, values: "pd.Series[Any]") -> "pd.Series[Any]":
        """A column in which both names are one, the older."""
        named = values.astype(object).where(values.notna(), MISSING)
        return named.where(named != self.becomes, self.level)


def find(column: str, before: Mapping[str, float], after: Mapping[str, float]) -> Relabelling | None:
    """The relabelling that shares of levels look like: the largest loss is about the largest gain, and a name goes."""
    moves = {level: after.get(level, 0.0) - before.get(level, 0.0) for level in {**before, **after}}
    if len(before) < _MIN_LEVELS:
        return None
    lost, gained = min(moves, key=moves.__getitem__), max(moves, key=moves.__getitem__)
    small, large = sorted((-moves[lost], moves[gained]))
    goes = after.get(lost, 0.0) * _FACTOR <= before.get(lost, 0.0)
    comes = before.get(gained, 0.0) * _FACTOR <= after.get(gained, 0.0)
    is_alike = small > 0 and small >= _ALIKE * large
    return Relabelling(column, lost, gained) if is_alike and (goes or comes) else None


def undo(frame: pd.DataFrame, relabelled: Sequence[Relabelling]) -> pd.DataFrame:
    """A copy of a frame as if nothing had been called otherwise."""
    return frame.assign(**{one.column: one.undone(frame[one.column]) for one in relabelled})


def concerned(frame: pd.DataFrame, relabelled: Sequence[Relabelling]) -> "pd.Series[bool]":
    """The rows that a relabelling is about, by either name."""
    is_concerned = pd.Series(True, index=frame.index)
    for one in relabelled:
        is_concerned &= frame[one.column].isin((one.level, one.becomes))
    return is_concerned
