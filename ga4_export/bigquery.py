"""BigQuery, where GA4 keeps the export's own tables, one a day."""

import logging
import os
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, datetime
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

import duckdb
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from ga4_export.listing import ExportError

if TYPE_CHECKING:
    from google.cloud.bigquery import Client, QueryJobConfig
    from google.cloud.bigquery.table import RowIterator

LOGIN = "gcloud auth application-default login"
_PATIENCE = 30.0
"""Seconds for which a request is sent again; Google's client would go on for ten minutes."""
_UPLOADS = 5
"""How often a file is sent again, first after a second and then after twice as long: about as long as that."""
# The dataset's own list of its tables, with their rows; reading it is free. Tables of a day still being filled,
# events_intraday_*, do not match.
_TABLES = """
    select
        parse_date('%Y%m%d', substr(table_id, 8)) as day,
        row_count as event_rows,
        timestamp_millis(last_modified_time) as changed_at
    from `{dataset}.__TABLES__`
    where regexp_contains(table_id, r'^events_[0-9]{{8}}$')
"""


class BigQueryError(ExportError):
    """BigQuery can't be asked; the message is one line that says why and what would mend it."""


@dataclass(frozen=True)
class DayTable:
    """The export's table of one day; `changed_at` is when GA4 wrote to it last, UTC."""

    rows: int
    changed_at: datetime


def open_client(project: str, location: str) -> "Client":
    """A client that acts by the application default credentials; nothing is asked of BigQuery yet.

    Raises:
        BigQueryError: there are no such credentials.
    """
    from google.auth.exceptions import DefaultCredentialsError
    from google.cloud import bigquery

    _quieten()
    try:
        return bigquery.Client(project=project, location=location)
    except DefaultCredentialsError:
        raise BigQueryError(f"Google Cloud credentials are missing: `{LOGIN}` makes them.") from None


def find_credentials() -> str | None:
    """Whose credentials a client would act by, looked for on this machine alone; None where there are none."""
    import google.auth
    from google.auth.exceptions import DefaultCredentialsError

    _quieten()
    try:
        credentials, _ = google.auth.default(request=_ask_nobody)  # type: ignore[arg-type]  # any callable will do
    except _WouldAskError:
        named = os.environ.get("GOOGLE_APPLICATION_CREDENTIALS")
        return named or ("this machine's" if _is_googles() else None)
    except DefaultCredentialsError:
        return None
    return str(getattr(credentials, "service_account_email", None) or "found")


def _quieten() -> None:
    """Credentials that name no project are warned of, and here a setting names it."""
    logging.getLogger("google.auth").setLevel(logging.ERROR)


class _WouldAskError(Exception):
    """All that lies on the machine was looked at, and the network would have been asked."""


def _ask_nobody(*_: object, **__: object) -> NoReturn:
    raise _WouldAskError


def _is_googles() -> bool:
    """True in Google Cloud, where a machine has credentials of its own."""
    product = Path("/sys/class/dmi/id/product_name")
    return product.is_file() and product.read_text().startswith("Google")


def list_tables(client: "Client", dataset: str) -> Mapping[date, DayTable]:
    """The daily tables of an export's dataset, in order.

    Raises:
        BigQueryError: BigQuery refuses, or the dataset holds no day.
    """
    query = _TABLES.format(dataset=f"{client.project}.{dataset}")
    with told():
        rows = sorted(_ask(client, query), key=lambda row: row["day"])
    if not rows:
        raise BigQueryError(f"Dataset {dataset} of {client.project} holds no day: tables events_YYYYMMDD are needed.")
    return {row["day"]: DayTable(row["event_rows"], row["changed_at"]) for row in rows}


def query(client: "Client", dataset: str, sql: str, parameters: Mapping[str, str]) -> pd.DataFrame:
    """The rows of a query over `dataset`, typed as DuckDB types them; parameters are text, named as `$name`.

    Raises:
        BigQueryError: BigQuery refuses.
    """
    from google.cloud.bigquery import QueryJobConfig, ScalarQueryParameter

    config = QueryJobConfig(
        default_dataset=f"{client.project}.{dataset}",
        query_parameters=[ScalarQueryParameter(name, "STRING", value) for name, value in parameters.items()],
    )
    with told():
        rows = _ask(client, re.sub(r"\$(\w+)", r"@\1", sql), config).to_arrow()
    return as_duckdb(rows)


def change(client: "Client", dataset: str, sql: str) -> None:
    """Do what a statement says to tables of `dataset`.

    Raises:
        BigQueryError: BigQuery refuses.
    """
    from google.cloud.bigquery import QueryJobConfig

    with told():
        _ask(client, sql, QueryJobConfig(default_dataset=f"{client.project}.{dataset}"))


def replace_day(client: "Client", table: str, day: date, rows: pd.DataFrame) -> None:
    """Load `rows` in the place of a day's partition of `table`; times are UTC, and need not say so.

    Raises:
        BigQueryError: BigQuery refuses.
    """
    from google.cloud.bigquery import LoadJobConfig, SourceFormat, WriteDisposition

    plain = pa.Table.from_pandas(rows, preserve_index=False)
    types = [pa.timestamp("us", "UTC") if pa.types.is_timestamp(field.type) else field.type for field in plain.schema]
    file = BytesIO()
    pq.write_table(plain.cast(pa.schema(zip(plain.column_names, types, strict=True))), file)
    config = LoadJobConfig(source_format=SourceFormat.PARQUET, write_disposition=WriteDisposition.WRITE_TRUNCATE)
    with told():
        job = client.load_table_from_file(
            file, f"{table}${day:%Y%m%d}", rewind=True, num_retries=_UPLOADS, job_config=config
        )
        job.result(timeout=_PATIENCE)


def as_duckdb(rows: pa.Table) -> pd.DataFrame:
    """A table of BigQuery's as the frame that DuckDB makes of the same rows: timestamps without a zone, in UTC."""
    types = [pa.timestamp("us") if pa.types.is_timestamp(field.type) else field.type for field in rows.schema]
    naive = rows.cast(pa.schema(zip(rows.column_names, types, strict=True)))
    frame: pd.DataFrame = duckdb.from_arrow(naive).df()
    return frame


def _ask(client: "Client", sql: str, config: "QueryJobConfig | None" = None) -> "RowIterator":
    from google.cloud.bigquery.retry import DEFAULT_JOB_RETRY, DEFAULT_RETRY

    return client.query_and_wait(
        sql,
        job_config=config,
        retry=DEFAULT_RETRY.with_timeout(_PATIENCE),
        job_retry=DEFAULT_JOB_RETRY.with_timeout(_PATIENCE),
    )


@contextmanager
def told() -> Iterator[None]:
    """Tell what Google's client raises in one line."""
    from google.api_core.exceptions import GoogleAPIError
    from google.auth.exceptions import OAuthError, RefreshError, TransportError

    try:
        yield
    except (OAuthError, RefreshError):
        raise BigQueryError(f"Google Cloud credentials have expired: `{LOGIN}` renews them.") from None
    except (GoogleAPIError, TransportError, ConnectionError) as error:
        raise BigQueryError(f"BigQuery can't be asked: {str(error).strip().splitlines()[0]}") from None
