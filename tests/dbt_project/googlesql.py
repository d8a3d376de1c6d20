"""Google's GoogleSQL reference engine (PyPI `zetasql`, a WebAssembly build): tables in, a query, a table out.

It is spoken to in its own protocol buffers, because the package's wrapper has no timestamps.
"""

import ctypes
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any, cast
from unittest.mock import patch

import pyarrow as pa
from wasmtime import Config
from zetasql.core import wasm_client
from zetasql.wasi import get_wasm_path
from zetasql.wasi._pb2.zetasql.local_service import local_service_pb2 as service
from zetasql.wasi._pb2.zetasql.proto import options_pb2 as options
from zetasql.wasi._pb2.zetasql.proto.simple_catalog_pb2 import SimpleCatalogProto
from zetasql.wasi._pb2.zetasql.public import type_pb2
from zetasql.wasi._pb2.zetasql.public.simple_table_pb2 import SimpleTableProto
from zetasql.wasi._pb2.zetasql.public.type_pb2 import TypeProto
from zetasql.wasi._pb2.zetasql.public.value_pb2 import ValueProto

TYPES = {
    "int64": type_pb2.TYPE_INT64,
    "float64": type_pb2.TYPE_DOUBLE,
    "string": type_pb2.TYPE_STRING,
    "bool": type_pb2.TYPE_BOOL,
    "date": type_pb2.TYPE_DATE,
    "timestamp": type_pb2.TYPE_TIMESTAMP,
}
_ARROW = {"int64": "int64", "double": "float64", "string": "string", "bool": "bool"}
_NAMES = {kind: name for name, kind in TYPES.items()}
_EPOCH = date(1970, 1, 1)

Cell = int | float | str | bool | date | datetime | None


@dataclass(frozen=True)
class Table:
    """A table as the engine holds it; `pseudo` names a column that `*` leaves out."""

    columns: tuple[tuple[str, TypeProto], ...]
    rows: tuple[service.TableData.Row, ...]
    pseudo: str | None = None

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(name for name, _ in self.columns)

    @property
    def types(self) -> tuple[str, ...]:
        """GoogleSQL's names of the columns' types."""
        return tuple(_NAMES.get(type_.type_kind, str(type_)) for _, type_ in self.columns)

    def values(self) -> Iterator[tuple[Cell, ...]]:
        """The rows as Python values; timestamps are naive UTC."""
        return (tuple(_cell(cell) for cell in row.cell) for row in self.rows)

    def outside(self, column: str, first: date, last: date) -> "Table":
        """The table without the rows of the days from `first` to `last`, both included."""
        place, days = self.names.index(column), range((first - _EPOCH).days, (last - _EPOCH).days + 1)
        return Table(self.columns, tuple(row for row in self.rows if row.cell[place].date_value not in days))


class _Cached(Config):  # type: ignore[misc]
    """Compiled WebAssembly is kept in the user's cache: half a second in place of half a minute."""

    def __init__(self) -> None:
        super().__init__()
        self.cache = True


class _Client(wasm_client.WasmClient):  # type: ignore[misc]
    """The package's client, which copies memory byte by byte, made to copy it at once."""

    def write_bytes(self, ptr: int, data: bytes) -> None:
        ctypes.memmove(self._address(ptr), data, len(data))

    def read_bytes(self, ptr: int, size: int) -> bytes:
        return ctypes.string_at(self._address(ptr), size)

    def _address(self, ptr: int) -> int:
        return ctypes.addressof(self.memory.data_ptr().contents) + ptr


class Engine:
    """One engine in one process; times are UTC where a query names no zone, as on BigQuery."""

    def __init__(self) -> None:
        with patch.object(wasm_client, "Config", _Cached):
            self._client = _Client(get_wasm_path())
        language = self._client.call_grpc_func(
            "ZetaSqlLocalService_GetLanguageOptions",
            service.LanguageOptionsRequest(maximum_features=True),
            options.LanguageOptionsProto,
        )
        self._options = options.AnalyzerOptionsProto(language_options=language, default_timezone="UTC")
        self._functions = options.ZetaSQLBuiltinFunctionOptionsProto(language_options=language)

    def query(self, sql: str, tables: Mapping[str, Table]) -> Table:
        """The rows that `sql` gives over `tables`, which it calls `project`.`dataset`.`table` or as one quoted path."""
        sql = sql.replace("`.`", ".")
        read = {name: table for name, table in tables.items() if f"`{name}`" in sql}
        answer = self._client.call_grpc_func(
            "ZetaSqlLocalService_EvaluateQuery",
            service.EvaluateQueryRequest(
                sql=sql,
                options=self._options,
                simple_catalog=SimpleCatalogProto(
                    name="catalog",
                    table=[_declared(name, table) for name, table in read.items()],
                    builtin_function_options=self._functions,
                ),
                table_content={
                    name: service.TableContent(table_data=service.TableData(row=table.rows))
                    for name, table in read.items()
                },
            ),
            service.EvaluateQueryResponse,
        )
        columns = tuple((column.name, column.type) for column in answer.prepared.columns)
        return Table(columns, tuple(answer.content.table_data.row))


def wildcard(days: Mapping[str, pa.Table]) -> Table:
    """Daily tables by the end of their name, as one table with the pseudo column `_table_suffix`."""
    schema = next(iter(days.values())).schema
    columns = (*((field.name, _type(field.type)) for field in schema), ("_table_suffix", _type(pa.string())))
    rows = tuple(
        service.TableData.Row(cell=_cells((*row.values(), suffix), (*schema.types, pa.string())))
        for suffix, day in days.items()
        for row in day.to_pylist()
    )
    return Table(columns, rows, pseudo="_table_suffix")


def _declared(name: str, table: Table) -> SimpleTableProto:
    columns = [
        {"name": column, "type": type_, "is_pseudo_column": column == table.pseudo} for column, type_ in table.columns
    ]
    return SimpleTableProto(name=name, column=columns)


def _type(arrow: pa.DataType) -> TypeProto:
    if pa.types.is_struct(arrow):
        fields = [{"field_name": field.name, "field_type": _type(field.type)} for field in arrow]
        return TypeProto(type_kind=type_pb2.TYPE_STRUCT, struct_type={"field": fields})
    if pa.types.is_list(arrow):
        return TypeProto(type_kind=type_pb2.TYPE_ARRAY, array_type={"element_type": _type(arrow.value_type)})
    return TypeProto(type_kind=TYPES[_ARROW[str(arrow)]])


def _cells(values: Iterable[Any], types: Iterable[pa.DataType]) -> list[ValueProto]:
    return [_value(value, type_) for value, type_ in zip(values, types, strict=True)]


def _value(value: Any, arrow: pa.DataType) -> ValueProto:
    if pa.types.is_list(arrow):
        # BigQuery stores no null array
        return ValueProto(array_value={"element": [_value(element, arrow.value_type) for element in value or ()]})
    if value is None:
        return ValueProto()
    if pa.types.is_struct(arrow):
        return ValueProto(struct_value={"field": _cells(value.values(), (field.type for field in arrow))})
    member = {"double": "double_value", "int64": "int64_value", "string": "string_value", "bool": "bool_value"}
    return ValueProto(**{member[str(arrow)]: value})


def _cell(value: ValueProto) -> Cell:
    member = value.WhichOneof("value")
    if member is None:
        return None
    if member == "date_value":
        return _EPOCH + timedelta(days=value.date_value)
    if member == "timestamp_value":
        return cast("datetime", value.timestamp_value.ToDatetime())
    return cast("Cell", getattr(value, member))
