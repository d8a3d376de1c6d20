"""Bring a Parquet file of any GA4 export year to the export schema, by name, as SQL that DuckDB runs over it."""

import pyarrow as pa

from ga4_export.schema import EVENTS, REQUIRED

_SQL_TYPES = {pa.string(): "varchar", pa.int64(): "bigint", pa.float64(): "double", pa.bool_(): "boolean"}


def missing_columns(schema: pa.Schema) -> tuple[str, ...]:
    """Required columns that `schema` lacks."""
    return tuple(name for name in REQUIRED if name not in schema.names)


def unknown_columns(schema: pa.Schema) -> tuple[str, ...]:
    """Columns and nested fields of `schema` that the export schema does not know (Google adds some every year)."""
    return tuple(sorted(_paths(schema) - _paths(EVENTS)))


def absent_columns(schema: pa.Schema) -> tuple[str, ...]:
    """Top-level columns of the export schema that `schema` lacks, and that are null therefore."""
    return tuple(name for name in EVENTS.names if name not in schema.names)


def conform(schema: pa.Schema) -> str:
    """The select list that reads a file of `schema` as the export schema; what is absent is null, unknown is left out.

    A column of another type is read where all its values are null, or widen without loss. Else the query fails, with a
    message that names the column, its type and the right one.
    """
    found = {field.name: field.type for field in schema}
    columns = (
        f"{_conform(_quoted(field.name), found.get(field.name), field.type, field.name)} as {_quoted(field.name)}"
        for field in EVENTS
    )
    return ", ".join(columns)


def sql_type(data_type: pa.DataType) -> str:
    """DuckDB's name of a type of the export schema."""
    if pa.types.is_struct(data_type):
        return f"struct({', '.join(f'{_quoted(field.name)} {sql_type(field.type)}' for field in data_type)})"
    if pa.types.is_list(data_type):
        return f"{sql_type(data_type.value_type)}[]"
    return _SQL_TYPES[data_type]


def _conform(value: str, found: pa.DataType | None, wanted: pa.DataType, path: str) -> str:
    """The SQL expression that reads `value`, of type `found`, as a `wanted` one."""
    if found is None or pa.types.is_null(found):
        return f"cast(null as {sql_type(wanted)})"
    if pa.types.is_dictionary(found):
        found = found.value_type
    if found == wanted:
        return value
    if pa.types.is_struct(wanted) and pa.types.is_struct(found):
        return f"case when {value} is not null then {_conform_struct(value, found, wanted, path)} end"
    if pa.types.is_list(wanted) and (pa.types.is_list(found) or pa.types.is_large_list(found)):
        # one name a depth, so that a list in a list does not hide its own
        element = f"element_{path.count('[]')}"
        of_element = _conform(element, found.value_type, wanted.value_type, f"{path}[]")
        return f"list_transform({value}, lambda {element}: {of_element})"
    if _widens(found, wanted):
        return f"cast({value} as {sql_type(wanted)})"
    wrong = f"column {path} has type {found}; the GA4 export has {wanted}".replace("'", "''")
    return f"case when {value} is not null then cast(error('{wrong}') as {sql_type(wanted)}) end"


def _conform_struct(value: str, found: pa.StructType, wanted: pa.StructType, path: str) -> str:
    types = {field.name: field.type for field in found}
    fields = (
        f"{_quoted(field.name)} := "
        + _conform(f"{value}.{_quoted(field.name)}", types.get(field.name), field.type, f"{path}.{field.name}")
        for field in wanted
    )
    return f"struct_pack({', '.join(fields)})"


def _widens(found: pa.DataType, wanted: pa.DataType) -> bool:
    to_number = pa.types.is_integer(found) and (pa.types.is_integer(wanted) or pa.types.is_floating(wanted))
    to_double = (pa.types.is_floating(found) or pa.types.is_decimal(found)) and pa.types.is_floating(wanted)
    to_string = (pa.types.is_string(found) or pa.types.is_large_string(found)) and pa.types.is_string(wanted)
    return bool(to_number or to_double or to_string)


def _paths(schema: pa.Schema) -> set[str]:
    return {path for field in schema for path in _paths_of(field.name, field.type)}


def _paths_of(path: str, data_type: pa.DataType) -> set[str]:
    if pa.types.is_list(data_type) or pa.types.is_large_list(data_type):
        return _paths_of(f"{path}[]", data_type.value_type)
    if pa.types.is_struct(data_type):
        return {path}.union(*(_paths_of(f"{path}.{field.name}", field.type) for field in data_type))
    return {path}


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'
