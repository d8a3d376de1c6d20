from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from ga4_export import conform as conforming
from ga4_export.schema import EVENTS


def conform(table: pa.Table) -> pa.Table:
    """`table` as landing reads it."""
    with duckdb.connect() as connection:
        connection.register("exported", table)
        return connection.sql(f"select {conforming.conform(table.schema)} from exported").to_arrow_table()


def _column(name: str, values: list[object], data_type: pa.DataType) -> pa.Table:
    return pa.table({name: pa.array(values, data_type)})


def test_absent_columns_are_null() -> None:
    assert conform(_column("event_name", ["scroll"], pa.string())).to_pylist()[0]["geo"] is None


def test_nested_fields_are_bound_by_name_and_absent_ones_are_null() -> None:
    params = pa.list_(pa.struct([("value", pa.struct([("int_value", pa.int32())])), ("key", pa.large_string())]))
    table = _column("event_params", [[{"key": "a", "value": {"int_value": 1}}], None, []], params)

    value = {"string_value": None, "int_value": 1, "float_value": None, "double_value": None}
    assert conform(table)["event_params"].to_pylist() == [[{"key": "a", "value": value}], None, []]


def test_a_null_struct_stays_null_where_its_fields_would_be_null() -> None:
    table = _column("geo", [None, {"country": "Poland"}], pa.struct([("country", pa.string())]))

    first, second = conform(table)["geo"].to_pylist()
    assert first is None
    assert second["country"] == "Poland"


def test_a_column_that_is_null_throughout_fits_any_type() -> None:
    table = _column("privacy_info", [{"ads_storage": None}], pa.struct([("ads_storage", pa.int64())]))

    assert conform(table)["privacy_info"].to_pylist()[0]["ads_storage"] is None


@pytest.mark.parametrize("data_type", [pa.int64(), pa.float64()])
def test_a_number_is_no_text(data_type: pa.DataType) -> None:
    with pytest.raises(duckdb.Error, match="column event_name has type"):
        conform(_column("event_name", [1], data_type))


def test_a_wrong_type_deep_inside_is_named_by_its_path() -> None:
    table = _column("items", [[{"price": "12"}]], pa.list_(pa.struct([("price", pa.string())])))

    with pytest.raises(duckdb.Error, match=r"column items\[\]\.price has type string; the GA4 export has double"):
        conform(table)


def test_conforming_twice_changes_nothing() -> None:
    once = conform(_column("event_name", ["scroll"], pa.string()))

    assert conform(once).equals(once)
    assert once.schema.equals(EVENTS)


def test_real_files_of_2020_fit(ga4_sample: Path) -> None:
    for file in sorted(ga4_sample.glob("events_*.parquet"))[:5]:
        table = pq.read_table(file)
        fitted = conform(table)
        for name in ("event_timestamp", "event_params", "items", "geo", "ecommerce"):
            assert len(fitted[name]) == len(table)
        assert fitted["event_timestamp"].to_pylist() == table["event_timestamp"].to_pylist()
        assert sum(map(len, fitted["event_params"].to_pylist())) == sum(map(len, table["event_params"].to_pylist()))
