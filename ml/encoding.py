"""From feature columns to the matrix that models read; the same code for training and for serving."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, Self

import numpy as np
from numpy.typing import NDArray

Matrix = NDArray[np.float32]


class Feature(Protocol):
    """What an encoding must know of a column; the contract's columns and a bundle's features both say it."""

    @property
    def name(self) -> str: ...
    @property
    def data_type(self) -> str: ...


class Columns(Protocol):
    """Values by the name of their column: a table, or a mapping to sequences."""

    def __getitem__(self, name: str, /) -> Any: ...
    def __contains__(self, name: object, /) -> bool: ...


@dataclass(frozen=True)
class Encoding:
    """Numbers as they are (null is NaN); text as one indicator a level that training saw often enough.

    A level outside `levels` is missing: all its indicators are zero. `levels` maps each text feature to its
    levels and each numeric feature to None, in contract order.
    """

    levels: Mapping[str, tuple[str, ...] | None]

    @classmethod
    def fit(cls, features: Iterable[Feature], columns: Columns, min_rows: int = 20) -> Self:
        """The encoding that `columns` teach: a level needs `min_rows` rows to become an indicator."""
        return cls(
            {
                feature.name: _levels(columns[feature.name], min_rows) if feature.data_type == "string" else None
                for feature in features
            }
        )

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the matrix's columns."""
        return tuple(
            name if level is None else f"{name}={level}"
            for name, levels in self.levels.items()
            for level in (levels if levels is not None else (None,))
        )

    def transform(self, columns: Columns) -> Matrix:
        """The matrix of `columns`, shape (rows, len(names)).

        Raises:
            KeyError: a feature is absent from `columns`; absence is never read as null.
        """
        absent = [name for name in self.levels if name not in columns]
        if absent:
            raise KeyError(f"Features {absent} are absent; the encoding reads {list(self.levels)}.")
        blocks = [
            _numbers(columns[name]) if levels is None else _indicators(columns[name], levels)
            for name, levels in self.levels.items()
        ]
        return np.hstack(blocks) if blocks else np.empty((0, 0), dtype=np.float32)


def _levels(values: Sequence[Any], min_rows: int) -> tuple[str, ...]:
    counts = Counter(value for value in values if isinstance(value, str))
    return tuple(sorted(level for level, rows in counts.items() if rows >= min_rows))


def _numbers(values: Sequence[Any]) -> Matrix:
    array = np.asarray(values)
    # a column with a null in it may arrive as objects, which only convert one by one
    numbers = array if array.dtype.kind in "fiub" else np.array([_number(value) for value in values])
    return numbers.astype(np.float32).reshape(-1, 1)


def _number(value: Any) -> float:
    # pandas' NA and NaT are no scalars to numpy
    return float(value) if value is not None and np.isscalar(value) else float("nan")


def _indicators(values: Sequence[Any], levels: tuple[str, ...]) -> Matrix:
    position = {level: index for index, level in enumerate(levels)}
    matrix = np.zeros((len(values), len(levels)), dtype=np.float32)
    for row, value in enumerate(values):
        index = position.get(value) if isinstance(value, str) else None
        if index is not None:
            matrix[row, index] = 1.0
    return matrix
