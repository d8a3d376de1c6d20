"""Nested Arrow arrays from flat ones."""

from collections.abc import Iterable

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from simulator.columns import Flags, Floats, Ints


def struct(data_type: pa.StructType, size: int, absent: Flags | None = None, **fields: pa.Array) -> pa.StructArray:
    """A struct column with the given fields; the type's other fields are null, rows marked `absent` altogether."""
    arrays = [fields.pop(field.name) if field.name in fields else pa.nulls(size, field.type) for field in data_type]
    if fields:
        raise KeyError(f"{sorted(fields)} are no fields of {data_type}.")
    return pa.StructArray.from_arrays(arrays, fields=list(data_type), mask=None if absent is None else pa.array(absent))


def pick(pool: Iterable[str | None], codes: Ints) -> pa.StringArray:
    """The pool's texts at the given positions."""
    return pa.array(pool, pa.string()).take(pa.array(codes))


def constant(text: str, size: int) -> pa.StringArray:
    """The same text in each row."""
    return pa.repeat(text, size)


def numbered(prefix: str, numbers: Ints) -> pa.StringArray:
    """The prefix before each number."""
    return pc.binary_join_element_wise(prefix, pc.cast(pa.array(numbers), pa.string()), "")


def only_where(present: Flags, values: pa.Array) -> pa.Array:
    """The values, null where not present."""
    return pc.if_else(pa.array(present), values, pa.nulls(len(values), values.type))


def rounded(values: Floats) -> pa.DoubleArray:
    """Amounts of money, to the cent."""
    return pa.array(np.round(values, 2))
