"""BigQuery as its client speaks to it: over HTTP, to a server on loopback that answers as BigQuery would."""

from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime
from io import BytesIO
from pathlib import Path

import duckdb
import pandas as pd
import pyarrow.parquet as pq
import pytest
from google.cloud.bigquery import Client

from ga4_export import bigquery
from ga4_export.bigquery import BigQueryError, DayTable
from tests.bigquery_server import Dialogue, bigquery_server, write_credentials

MIDNIGHT = "1767571200000000"  # 2026-01-05, in microseconds


ATTEMPTS: tuple[Callable[[Client], object], ...] = (
    lambda client: bigquery.query(client, "mart", "select 1", {}),
    lambda client: bigquery.list_tables(client, "analytics_1"),
    lambda client: bigquery.change(client, "mart", "truncate table labels"),
    lambda client: bigquery.replace_day(client, "p.mart.labels", date(2026, 1, 5), pd.DataFrame({"n": [3]})),
)


@pytest.fixture
def server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Dialogue]:
    with bigquery_server() as dialogue:
        monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", str(write_credentials(tmp_path, dialogue.address)))
        monkeypatch.setenv("BIGQUERY_EMULATOR_HOST", dialogue.address)
        yield dialogue


@pytest.fixture
def no_credentials(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("GOOGLE_APPLICATION_CREDENTIALS", raising=False)
    monkeypatch.setenv("CLOUDSDK_CONFIG", str(tmp_path))


def test_the_export_s_daily_tables_are_listed_in_order(server: Dialogue) -> None:
    server.columns = [("day", "DATE"), ("event_rows", "INTEGER"), ("changed_at", "TIMESTAMP")]
    server.rows = [["2026-01-06", "20", MIDNIGHT], ["2026-01-05", "10", MIDNIGHT]]

    tables = bigquery.list_tables(bigquery.open_client("my-shop-123", "EU"), "analytics_1")

    changed_at = datetime(2026, 1, 5, tzinfo=UTC)
    assert list(tables.items()) == [
        (date(2026, 1, 5), DayTable(10, changed_at)),
        (date(2026, 1, 6), DayTable(20, changed_at)),
    ]
    assert "`my-shop-123.analytics_1.__TABLES__`" in server.asked[0]["query"]
    assert server.asked[0]["location"] == "EU"


def test_a_dataset_without_days_is_told(server: Dialogue) -> None:
    with pytest.raises(BigQueryError, match="analytics_1 of my-shop-123 holds no day: tables events_YYYYMMDD"):
        bigquery.list_tables(bigquery.open_client("my-shop-123", "EU"), "analytics_1")


def test_a_query_s_parameters_and_dataset_reach_bigquery(server: Dialogue) -> None:
    server.columns = [("n", "INTEGER")]

    bigquery.query(
        bigquery.open_client("my-shop-123", "EU"), "mart", "select 1 as n from t where k = $key", {"key": "x"}
    )

    (asked,) = server.asked
    assert asked["query"].endswith("where k = @key")
    assert asked["defaultDataset"] == {"projectId": "my-shop-123", "datasetId": "mart"}
    assert [(given["name"], given["parameterValue"]["value"]) for given in asked["queryParameters"]] == [("key", "x")]


def test_a_query_gives_the_frame_that_duckdb_gives(server: Dialogue) -> None:
    server.columns = [
        ("t", "TIMESTAMP"),
        ("d", "DATE"),
        ("i", "INTEGER"),
        ("gap", "INTEGER"),
        ("f", "FLOAT"),
        ("b", "BOOLEAN"),
        ("s", "STRING"),
    ]
    server.rows = [
        [MIDNIGHT, "2026-01-05", "1", None, "0.5", "true", "Łódź"],
        [MIDNIGHT, "2026-01-06", "2", "9", "NaN", "false", None],
    ]

    given = bigquery.query(bigquery.open_client("my-shop-123", "EU"), "mart", "select 1", {})

    expected = duckdb.sql("""
        select timestamp '2026-01-05' as t, date '2026-01-05' + n::integer as d, n + 1 as i,
            case n when 1 then 9 end::bigint as gap,
            case n when 0 then 0.5::double else double 'nan' end as f, n = 0 as b,
            case n when 0 then 'Łódź' end as s
        from range(2) as rows(n)
    """).df()
    pd.testing.assert_frame_equal(given, expected)


def test_a_refusal_is_told_in_one_line(server: Dialogue) -> None:
    server.refusal = "Access Denied: Dataset my-shop-123:mart\nand more"

    with pytest.raises(
        BigQueryError, match=r"^BigQuery can't be asked: 403 .*Access Denied: Dataset my-shop-123:mart$"
    ):
        bigquery.query(bigquery.open_client("my-shop-123", "EU"), "mart", "select 1", {})


def test_f29_what_is_not_there_for_a_moment_is_asked_again(server: Dialogue) -> None:
    server.columns, server.rows, server.unavailable = [("n", "INTEGER")], [["1"]], 2

    given = bigquery.query(bigquery.open_client("my-shop-123", "EU"), "mart", "select 1 as n", {})

    assert given["n"].tolist() == [1]
    assert server.unavailable == 0


def test_f29_what_is_not_there_for_long_fails_in_one_line_and_has_changed_nothing(
    server: Dialogue, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bigquery, "_PATIENCE", 2.0)
    monkeypatch.setattr(bigquery, "_UPLOADS", 1)
    server.unavailable = float("inf")
    client = bigquery.open_client("my-shop-123", "EU")

    for attempt in ATTEMPTS:
        with pytest.raises(BigQueryError, match=r"^BigQuery can't be asked: [^\n]+$"):
            attempt(client)
    assert server.asked == []
    assert server.loaded == []


def test_f29_an_expired_login_is_told_with_the_command_that_renews_it_and_has_changed_nothing(server: Dialogue) -> None:
    server.is_expired = True
    client = bigquery.open_client("my-shop-123", "EU")

    for attempt in ATTEMPTS:
        with pytest.raises(
            BigQueryError, match=r"^Google Cloud credentials have expired: `gcloud auth .*` renews them"
        ):
            attempt(client)
    assert server.asked == []
    assert server.loaded == []


def test_missing_credentials_are_told_with_the_command_that_makes_them(no_credentials: None) -> None:
    with pytest.raises(BigQueryError, match="`gcloud auth application-default login` makes them"):
        bigquery.open_client("my-shop-123", "EU")


def test_credentials_are_found_without_asking_anybody(server: Dialogue) -> None:
    assert bigquery.find_credentials() is not None
    assert server.asked == []


def test_credentials_are_not_found_where_there_are_none(no_credentials: None) -> None:
    assert bigquery.find_credentials() is None


def test_a_day_s_rows_take_the_place_of_its_partition(server: Dialogue) -> None:
    midnight = pd.Timestamp("2026-01-06")
    rows = pd.DataFrame({"user": ["1.1"], "day": [date(2026, 1, 5)], "at": [midnight], "n": [3]})

    bigquery.replace_day(bigquery.open_client("my-shop-123", "EU"), "my-shop-123.mart.labels", date(2026, 1, 5), rows)

    (asked,) = (body["configuration"]["load"] for body in server.asked)
    assert asked["destinationTable"] == {"projectId": "my-shop-123", "datasetId": "mart", "tableId": "labels$20260105"}
    assert asked["writeDisposition"] == "WRITE_TRUNCATE"
    (file,) = server.loaded
    loaded = pq.read_table(BytesIO(file))
    assert [str(field.type) for field in loaded.schema] == [
        "string",
        "date32[day]",
        "timestamp[us, tz=UTC]",
        "int64",
    ]
    assert loaded.to_pylist() == [
        {"user": "1.1", "day": date(2026, 1, 5), "at": datetime(2026, 1, 6, tzinfo=UTC), "n": 3}
    ]


def test_a_change_is_asked_for_in_its_dataset(server: Dialogue) -> None:
    bigquery.change(bigquery.open_client("my-shop-123", "EU"), "mart", "truncate table labels")

    (asked,) = server.asked
    assert asked["query"] == "truncate table labels"
    assert asked["defaultDataset"] == {"projectId": "my-shop-123", "datasetId": "mart"}
