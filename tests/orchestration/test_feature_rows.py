"""A frame that Feast joined on BigQuery, brought to the types that its join on DuckDB gives."""

import db_dtypes  # type: ignore[import-untyped]  # noqa: F401  registers BigQuery's date
import pandas as pd


def test_a_frame_of_bigquery_gets_the_types_of_duckdb() -> None:
    from orchestration.feature_rows import as_joined_here

    moments = pd.to_datetime(["2026-01-05 10:00", "2026-01-06 11:00"], utc=True)
    frame = pd.DataFrame(
        {
            "event_timestamp": moments.as_unit("us"),
            "session_date": pd.Series(["2026-01-05", "2026-01-06"], dtype="dbdate"),
            "acts": pd.Series([1, 2], dtype="Int64"),
            "gap": pd.Series([1, None], dtype="Int64"),
            "converts": pd.Series([True, False], dtype="boolean"),
            "browser": ["Chrome", None],
        }
    )

    plain = as_joined_here(frame)

    assert {name: str(dtype) for name, dtype in plain.dtypes.items()} == {
        "event_timestamp": "datetime64[us, UTC]",
        "session_date": "datetime64[us, UTC]",
        "acts": "int64",
        "gap": "Int64",
        "converts": "bool",
        "browser": "object",
    }
    assert list(plain["event_timestamp"]) == list(moments)
