"""Tables as equally long numpy arrays, and the few operations that the simulator needs on them."""

from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]
Dice = NDArray[np.uint64]


@dataclass(frozen=True)
class Columns:
    """A table whose fields are its columns; subclasses name them."""

    def __len__(self) -> int:
        return len(getattr(self, fields(self)[0].name))

    def take(self, rows: NDArray[Any]) -> Self:
        """The rows at the given positions, or those that a mask keeps."""
        return type(self)(*(getattr(self, column.name)[rows] for column in fields(self)))

    @classmethod
    def concatenate(cls, parts: Sequence[Self]) -> Self:
        return cls(*(np.concatenate([getattr(part, column.name) for part in parts]) for column in fields(cls)))


def ranges(starts: Ints, counts: Ints) -> Ints:
    """The positions starts[i], starts[i] + 1, ... of every range i, one range after the other."""
    ends = np.cumsum(counts)
    return np.arange(ends[-1] if len(ends) else 0) + np.repeat(starts - ends + counts, counts)


def first_of_run(is_first: Flags) -> Ints:
    """For each row, the position of the last row up to it where `is_first` holds."""
    return np.maximum.accumulate(np.where(is_first, np.arange(len(is_first)), 0))


def draw(rng: np.random.Generator, weights: Sequence[float] | Floats, size: int) -> Ints:
    """Positions drawn with probabilities proportional to `weights`."""
    edges = np.cumsum(weights)
    positions: Ints = np.searchsorted(edges, rng.random(size) * edges[-1], side="right")
    return positions


def chance(dice: Dice, purpose: int) -> Floats:
    """Uniform numbers in [0, 1) that depend on the dice and the purpose alone (the SplitMix64 mix).

    Unlike draws from a generator they do not depend on which other rows are computed with them, so that a session
    cut by midnight comes out the same in both of its day files.
    """
    mixed = dice + np.uint64((purpose + 1) * 0x9E3779B97F4A7C15 % 2**64)
    mixed = (mixed ^ (mixed >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    mixed = (mixed ^ (mixed >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return ((mixed ^ (mixed >> np.uint64(31))) >> np.uint64(11)).astype(np.float64) * 2.0**-53


def sigmoid(logits: Floats) -> Floats:
    """Probabilities from their logits."""
    return 1 / (1 + np.exp(-logits))
