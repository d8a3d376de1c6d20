"""Bring an Arrow table of any GA4 export year to the export schema, by name."""

import pyarrow as pa
import pyarrow.compute as pc

from ga4_export.listing import ExportError
from ga4_export.schema import EVENTS, REQUIRED


def missing_columns(schema: pa.Schema) -> tuple[str, ...]:
    """Required columns that `schema` lacks."""
    return tuple(name for name in REQUIRED if name not in schema.names)


def unknown_columns(schema: pa.Schema) -> tuple[str, ...]:
    """Top-level columns that the export schema does not know (Google adds some every year)."""
    return tuple(name for name in schema.names if name not in EVENTS.names)


def conform(table: pa.Table) -> pa.Table:
    """`table` with exactly the columns and types of the export schema; absent ones are null, unknown ones are left out.

    Raises:
        ExportError: a column holds values of another type; a column that is null throughout fits any type.
    """
    columns = [
        _conform(table.column(field.name).combine_chunks(), field.type, field.name)
        if field.name in table.column_names
        else pa.nulls(table.num_rows, field.type)
        for field in EVENTS
    ]
    return pa.Table.from_arrays(columns, schema=EVENTS)


def _conform(array: pa.Array, wanted: pa.DataType, path: str) -> pa.Array:
    if isinstance(array, pa.ChunkedArray):
        array = pa.concat_arrays(array.chunks) if array.num_chunks else pa.nulls(0, array.type)
    if array.type == wanted:
        return array
    if array.null_count == len(array):
        return pa.nulls(len(array), wanted)
    if pa.types.is_struct(wanted) and pa.types.is_struct(array.type):
        return _conform_struct(array, wanted, path)
    if pa.types.is_list(wanted) and (pa.types.is_list(array.type) or pa.types.is_large_list(array.type)):
        return _conform_list(array, wanted, path)
    if _widens(array.type, wanted):
        return array.cast(wanted)
    raise ExportError(f"column {path} has type {array.type}; the GA4 export has {wanted}")


def _conform_struct(array: pa.StructArray, wanted: pa.StructType, path: str) -> pa.StructArray:
    found = {field.name for field in array.type}
    children = [
        _conform(pc.struct_field(array, field.name), field.type, f"{path}.{field.name}")
        if field.name in found
        else pa.nulls(len(array), field.type)
        for field in wanted
    ]
    return pa.StructArray.from_arrays(children, fields=list(wanted), mask=array.is_null())


def _conform_list(array: pa.ListArray, wanted: pa.ListType, path: str) -> pa.ListArray:
    lengths = pc.fill_null(pc.list_value_length(array), 0)
    ends = pc.cumulative_sum(lengths.cast(pa.int32()))
    offsets = pa.concat_arrays([pa.array([0], pa.int32()), ends])
    values = _conform(array.flatten(), wanted.value_type, f"{path}[]")
    return pa.ListArray.from_arrays(offsets, values, type=wanted, mask=array.is_null())


def _widens(found: pa.DataType, wanted: pa.DataType) -> bool:
    if pa.types.is_dictionary(found):
        found = found.value_type
    to_number = pa.types.is_integer(found) and (pa.types.is_integer(wanted) or pa.types.is_floating(wanted))
    to_double = (pa.types.is_floating(found) or pa.types.is_decimal(found)) and pa.types.is_floating(wanted)
    to_string = (pa.types.is_string(found) or pa.types.is_large_string(found)) and pa.types.is_string(wanted)
    return bool(to_number or to_double or to_string)
