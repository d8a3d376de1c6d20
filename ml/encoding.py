"""From feature columns to the matrix that models read; the same code for training and for serving."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from itertools import accumulate
from typing import Any, Protocol, Self

import numpy as np
from numpy.typing import NDArray

from feature_repo.contract import PlaceKind
from ml import places
from ml.places import Columns, Recoding

Matrix = NDArray[np.float32]


class Feature(Protocol):
    """What an encoding must know of a column; the contract's columns and a bundle's features both say it."""

    @property
    def name(self) -> str: ...
    @property
    def data_type(self) -> str: ...
    @property
    def place(self) -> PlaceKind | None: ...


@dataclass(frozen=True)
class Encoding:
    """Numbers as they are (null is NaN); text as one indicator a level that training saw often enough.

    A level outside `levels` is missing: all its indicators are zero. `recoded` are the features that hold places, and
    what takes their place; `levels` maps each text to its levels and each number to None, in contract order.
    """

    levels: Mapping[str, tuple[str, ...] | None]
    recoded: Mapping[str, Recoding] = field(default_factory=dict)

    @classmethod
    def fit(cls, features: Iterable[Feature], columns: Columns, min_rows: int = 20) -> Self:
        """The encoding that `columns` teach: a level needs `min_rows` rows to become an indicator."""
        features = tuple(features)
        recoded = places.fit(features, columns)
        levels: dict[str, tuple[str, ...] | None] = {}
        for feature in features:
            recoding = recoded.get(feature.name)
            made = recoding.made if recoding else {feature.name: feature.data_type}
            values = recoding.recode(columns) if recoding else columns
            for name, data_type in made.items():
                levels[name] = _levels(values[name], min_rows) if data_type == "string" else None
        return cls(levels, recoded)

    @classmethod
    def of(cls, stated: Mapping[str, Any]) -> Self:
        """The encoding that JSON values state."""
        return cls(
            {name: None if levels is None else tuple(levels) for name, levels in stated["levels"].items()},
            {name: places.of(recoding) for name, recoding in stated["recoded"].items()},
        )

    def stated(self) -> dict[str, Any]:
        """This encoding as JSON values."""
        return {
            "levels": dict(self.levels),
            "recoded": {name: places.stated(recoding) for name, recoding in self.recoded.items()},
        }

    # asked with every row that is served, as what follows is
    @cached_property
    def names(self) -> tuple[str, ...]:
        """Names of the matrix's columns."""
        return tuple(
            name if level is None else f"{name}={level}"
            for name, levels in self.levels.items()
            for level in (levels if levels is not None else (None,))
        )

    @cached_property
    def widths(self) -> dict[str, int]:
        """How many of the matrix's columns each of `levels` takes."""
        return {name: 1 if levels is None else len(levels) for name, levels in self.levels.items()}

    @cached_property
    def sources(self) -> dict[str, str]:
        """The feature that each of `levels` is made of."""
        made = {name: source for source, recoding in self.recoded.items() for name in recoding.made}
        return {name: made.get(name, name) for name in self.levels}

    @cached_property
    def _read(self) -> dict[str, None]:
        """The features that are read, in their order."""
        return dict.fromkeys(self.sources.values())

    def recode(self, columns: Columns) -> dict[str, Any]:
        """The values of each of `levels`: those of `columns`, places recoded.

        Raises:
            KeyError: a feature is absent from `columns`; absence is never read as null.
        """
        if absent := [name for name in self._read if name not in columns]:
            raise KeyError(f"Features {absent} are absent; the encoding reads {list(self._read)}.")
        made = {name: values for part in self.recoded.values() for name, values in part.recode(columns).items()}
        return {name: made[name] if name in made else columns[name] for name in self.levels}

    def transform(self, columns: Columns) -> Matrix:
        """The matrix of `columns`, shape (rows, len(names)).

        Raises:
            KeyError: a feature is absent from `columns`; absence is never read as null.
        """
        values = self.recode(columns)
        if not values:
            return np.empty((0, 0), dtype=np.float32)
        matrix = np.zeros((len(next(iter(values.values()))), len(self.names)), dtype=np.float32)
        if numbers := self._places_of_numbers:
            matrix[:, list(numbers.values())] = _numbers([values[name] for name in numbers])
        for name, places_of in self._places_of_levels.items():
            for row, value in enumerate(values[name]):
                if (place := places_of.get(value)) is not None:
                    matrix[row, place] = 1.0
        return matrix

    @cached_property
    def _first(self) -> dict[str, int]:
        """The first of the matrix's columns that each of `levels` takes."""
        return dict(zip(self.levels, accumulate(self.widths.values(), initial=0), strict=False))

    @cached_property
    def _places_of_numbers(self) -> dict[str, int]:
        """The column of the matrix that each number fills."""
        return {name: self._first[name] for name, levels in self.levels.items() if levels is None}

    @cached_property
    def _places_of_levels(self) -> dict[str, dict[Any, int]]:
        """The columns of the matrix that tell of the levels of each text."""
        return {
            name: {level: self._first[name] + index for index, level in enumerate(levels)}
            for name, levels in self.levels.items()
            if levels is not None
        }


def _levels(values: Sequence[Any], min_rows: int) -> tuple[str, ...]:
    counts = Counter(value for value in values if isinstance(value, str))
    return tuple(sorted(level for level, rows in counts.items() if rows >= min_rows))


def _numbers(columns: Sequence[Any]) -> Matrix:
    """Columns of numbers side by side."""
    if all(isinstance(values, list) for values in columns):
        try:
            # a few rows at once: numpy takes as long for an array as for what is in it; None is NaN to it
            return np.array(columns, dtype=np.float64).T.astype(np.float32)
        except (TypeError, ValueError):
            pass
    return np.column_stack([_column(values) for values in columns])


def _column(values: Sequence[Any]) -> Matrix:
    numbers = np.asarray(values)
    if numbers.dtype.kind not in "fiub":
        try:
            # None is NaN to numpy
            numbers = numbers.astype(np.float64)
        except (TypeError, ValueError):
            numbers = np.array([_number(value) for value in values])
    return numbers.astype(np.float32)


def _number(value: Any) -> float:
    # pandas' NA and NaT are no scalars to numpy
    return float(value) if value is not None and np.isscalar(value) else float("nan")
