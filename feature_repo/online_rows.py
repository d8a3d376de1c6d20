"""Rows of a feature table as Feast's online stores keep them.

Keys and values are byte for byte what Feast serialises; here a value is serialised once for all rows that share it.
"""

import struct
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cache, lru_cache
from typing import Any

import numpy as np
import pandas as pd

from feature_repo.contract import FEATURE_AT, KNOWN_AT, DataType, FeatureTable
from feature_repo.stored_rows import Scalar

DTYPES: dict[DataType, type] = {"string": object, "int64": np.int64, "float64": np.float64, "bool": np.bool_}
VALUE_FIELDS: dict[DataType, str] = {"string": "string_val", "int64": "int64_val", "bool": "bool_val"}
NULL = b""
DOUBLE_VAL = 5 << 3 | 1
"""The tag of `double_val` in Feast's Value: field 5, eight bytes."""
DOUBLE = struct.Struct("<Bd")
MANY = 16
"""Values that numpy unpacks sooner together than Python one by one."""
_DOUBLES = np.dtype([("tag", "u1"), ("value", "<f8")])


class OnlineWriteError(ValueError):
    """Rows or an online store that can't be written to; the message says what would do."""


@dataclass(frozen=True)
class OnlineRows:
    """Serialised entity keys, both clocks (naive, UTC), and one list of values a feature; NaN is null."""

    keys: list[bytes]
    feature_at: list[datetime]
    known_at: list[datetime]
    columns: list[list[Scalar | None]]


def build_rows(table: FeatureTable, rows: pd.DataFrame, key_version: int) -> OnlineRows:
    """`rows` of a feature table, ready to be written, with keys in Feast's serialisation `key_version`."""
    return OnlineRows(
        keys=entity_keys(table.join_key, rows[table.join_key], key_version),
        feature_at=_clock(rows[FEATURE_AT]),
        known_at=_clock(rows[KNOWN_AT]),
        columns=[scalars(rows[column.name], column.data_type) for column in table.features],
    )


def entity_keys(join_key: str, values: Sequence[str] | pd.Series, version: int) -> list[bytes]:
    """Feast's serialised entity keys of entities with one string key.

    Raises:
        OnlineWriteError: `version` is another serialisation than 3.
    """
    from feast import ValueType
    from feast.infra.key_encoding_utils import serialize_entity_key_prefix

    if version != 3:
        raise OnlineWriteError(f"entity_key_serialization_version is {version}; set it to 3.")
    prefix = serialize_entity_key_prefix([join_key], version)
    encoded = [value.encode() for value in values]
    return [prefix + struct.pack("<II", ValueType.STRING.value, len(value)) + value for value in encoded]


def serialise(values: Sequence[Scalar | None], data_type: DataType) -> list[bytes]:
    """Each of `values` as Feast's serialised Value."""
    encode = _pack_double if data_type == "float64" else _encoder(VALUE_FIELDS[data_type])
    return [NULL if value is None else encode(value) for value in values]


def deserialise(values: Sequence[bytes | None]) -> list[Scalar | None]:
    """What Feast's serialised Values say, whichever types they have; NaN and what is not there are null."""
    if len(values) >= MANY and None not in values:
        joined = b"".join(values)  # type: ignore[arg-type]
        # a column of amounts at once
        if len(joined) == DOUBLE.size * len(values) and joined[:: DOUBLE.size].count(DOUBLE_VAL) == len(values):
            numbers = np.frombuffer(joined, _DOUBLES)["value"]
            if not np.isnan(numbers).any():
                return list(numbers.tolist())
    return [_double(value) if value and value[0] == DOUBLE_VAL else _parsed(value) for value in values]


def _double(value: bytes) -> float | None:
    _, number = DOUBLE.unpack(value)
    return number if number == number else None  # noqa: PLR0124  NaN is no number that equals itself


@lru_cache(100_000)
def _parsed(value: bytes | None) -> Scalar | None:
    # counts, flags and names repeat themselves; amounts, which do not, are unpacked above
    from feast.protos.feast.types.Value_pb2 import Value
    from feast.type_map import feast_value_type_to_python_type

    parsed: Scalar | None = feast_value_type_to_python_type(Value.FromString(value)) if value else None
    return parsed


def _pack_double(value: Scalar) -> bytes:
    return DOUBLE.pack(DOUBLE_VAL, value)


def _encoder(field: str) -> Callable[[Scalar], bytes]:
    from feast.protos.feast.types.Value_pb2 import Value

    @cache
    def encode(value: Scalar) -> bytes:
        stated: dict[str, Any] = {field: value}
        encoded: bytes = Value(**stated).SerializeToString()
        return encoded

    return encode


def _clock(column: pd.Series) -> list[datetime]:
    """Moments as naive UTC, to the microsecond."""
    moments = pd.to_datetime(column, utc=True).dt.tz_localize(None).to_numpy("datetime64[us]")
    return list(moments.tolist())


def scalars(column: pd.Series, data_type: DataType) -> list[Scalar | None]:
    """A column as Python values; nulls are None."""
    present = column.notna().to_numpy()
    held = np.full(len(column), None, dtype=object)
    held[present] = column[present].to_numpy(DTYPES[data_type])
    values: list[Scalar | None] = held.tolist()
    return values
