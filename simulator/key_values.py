"""Flat columns as the export's lists of typed keys and values."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from simulator.columns import Flags, Floats, Ints

ABSENT = -1


@dataclass(frozen=True)
class Text:
    """A key whose string value in row i is `pool[codes[i]]`; rows where the code is ABSENT lack the key."""

    key: str
    codes: Ints
    pool: pa.StringArray

    @property
    def present(self) -> Flags:
        present: Flags = self.codes != ABSENT
        return present


@dataclass(frozen=True)
class Whole:
    """A key with integer values."""

    key: str
    present: Flags
    values: Ints


@dataclass(frozen=True)
class Decimal:
    """A key with double values."""

    key: str
    present: Flags
    values: Floats


def key_values(parameters: Sequence[Text | Whole | Decimal]) -> pa.ListArray:
    """For each row the list of the keys that it has, in the order of `parameters`."""
    present = np.column_stack([parameter.present for parameter in parameters])
    row, column = np.nonzero(present)
    offsets = np.append(0, np.cumsum(present.sum(axis=1)))
    value = pa.StructArray.from_arrays(
        [
            _strings({place: p for place, p in enumerate(parameters) if isinstance(p, Text)}, row, column),
            _numbers({place: p for place, p in enumerate(parameters) if isinstance(p, Whole)}, pa.int64(), row, column),
            pa.nulls(len(row), pa.float64()),
            _numbers(
                {place: p for place, p in enumerate(parameters) if isinstance(p, Decimal)}, pa.float64(), row, column
            ),
        ],
        names=["string_value", "int_value", "float_value", "double_value"],
    )
    keys = pa.array([parameter.key for parameter in parameters]).take(pa.array(column))
    return pa.ListArray.from_arrays(
        pa.array(offsets, pa.int32()), pa.StructArray.from_arrays([keys, value], names=["key", "value"])
    )


def _strings(texts: Mapping[int, Text], row: Ints, column: Ints) -> pa.StringArray:
    """The string value of each pair of a row and a column; null outside of the columns of `texts`."""
    codes = np.full(len(row), ABSENT)
    first = 0
    for place, text in texts.items():
        here = np.flatnonzero(column == place)
        codes[here] = text.codes[row[here]] + first
        first += len(text.pool)
    return pa.concat_arrays([text.pool for text in texts.values()]).take(pa.array(codes, mask=codes == ABSENT))


def _numbers(
    numbers: Mapping[int, Whole] | Mapping[int, Decimal], data_type: pa.DataType, row: Ints, column: Ints
) -> pa.Array:
    """The number of each pair of a row and a column; null outside of the columns of `numbers`."""
    values = np.zeros(len(row), data_type.to_pandas_dtype())
    missing = np.full(len(row), True)
    for place, number in numbers.items():
        here = np.flatnonzero(column == place)
        values[here] = number.values[row[here]]
        missing[here] = False
    return pa.array(values, data_type, mask=missing)
