"""The offline store: feature tables published as Parquet, and training sets joined from them by both clocks."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import duckdb
import pandas as pd

from feature_repo import versions
from feature_repo.contract import FEATURE_AT, KNOWN_AT, FeatureTable
from ga4_export import whole

if TYPE_CHECKING:
    from feast import FeatureStore

MOMENT = "event_timestamp"
"""Feast's name for the moment as of which features are looked up."""

_FILES = "*.parquet"
_CORRECTIONS = "corrections_*.parquet"


@dataclass(frozen=True)
class Marts:
    """Where dbt's tables lie: a schema of a DuckDB file."""

    warehouse: Path
    schema: str


@dataclass(frozen=True)
class Publication:
    """The rows of the days published, and how many versions were written to correct what stood there before."""

    rows: int
    corrections: int


def offline_folder(home: Path, table: FeatureTable) -> Path:
    """The folder of a feature table's published rows: `<day>.parquet`, and `corrections_<time>.parquet` since then."""
    return home / "feature_store" / "offline" / table.view


@dataclass(frozen=True)
class History:
    """All versions of a feature table's rows that were published to a folder."""

    table: FeatureTable
    folder: Path

    @classmethod
    def of(cls, home: Path, table: FeatureTable) -> Self:
        """The history in a home."""
        return cls(table, offline_folder(home, table))

    def publish(
        self, marts: Marts, days: Sequence[date], now: datetime, remembering: Sequence[date] = ()
    ) -> Publication:
        """Bring the history to what the table's rows of `days` are `now`, a time on the property's clock.

        A day that is new is written as it is. What changed of any other is written as versions known from `now` on; so
        is what changed on later days, once published, that are `remembering` them. Each file is written whole, so that
        a reader sees all of a correction or nothing.
        """
        self.folder.mkdir(parents=True, exist_ok=True)
        source = f"{marts.schema}.{self.table.name}"
        new = [day for day in days if not self._is_published(day)]
        # who was there on the days is all that a later day can remember of them
        among = dict.fromkeys(days, "true") | dict.fromkeys(remembering, f"{self.table.join_key} in (from there)")
        again = {day: condition for day, condition in among.items() if self._is_published(day)}
        with duckdb.connect(str(marts.warehouse), read_only=True) as connection:
            corrections = 0
            if again:
                there = versions.there(source, self._files, self.table)
                connection.execute(f"create temp table there as {there}", {"days": days})
                # before new days are written: until then a repeated run finds the same to correct
                corrections = self._correct(connection, source, again, new, now)
            for day in new:
                _write(connection, versions.first(source, self.table), {"day": day}, self._first_file(day))
            rows = connection.execute(f"select count(*) from {source} where {self.table.day} in $days", {"days": days})
            return Publication(_only(rows), corrections)

    def forget(self) -> None:
        """Remove a history, which rows made by other code or settings can't go on with."""
        for file in self.folder.glob(_FILES):
            file.unlink()

    def rows(self, first: date, last: date) -> str:
        """SQL for the rows from `first` to `last`, both included, in their newest version."""
        newest = self._newest(f"between date '{first}' and date '{last}'")
        return f"select * exclude ({versions.RETRACTED}) from ({newest}) where not {versions.RETRACTED}"

    def read(self, first: date, last: date) -> pd.DataFrame:
        """The rows from `first` to `last`, both included, in their newest version."""
        frame: pd.DataFrame = duckdb.execute(self.rows(first, last)).df()
        return frame

    def read_to_serve(self, day: date) -> pd.DataFrame:
        """What tells of entities on `day`, and what stands in for rows up to it that are no more: `is_retracted`."""
        since = self.table.tells_since(day)
        query = self._newest(f"between date '{since}' and date '{day}'")
        if self._is_corrected:
            earlier = versions.newest(str(self.folder / _CORRECTIONS), self.table, f"< date '{since}'")
            query = f"({query}) union all by name (from ({earlier}) where {versions.RETRACTED})"
        if since < day:
            query = versions.newest_of_each(query, self.table)
        frame: pd.DataFrame = duckdb.execute(query).df()
        return frame

    def _newest(self, days: str) -> str:
        """SQL for the newest version of each row whose day meets a condition."""
        if self._is_corrected:
            return versions.newest(self._files, self.table, days)
        # not the corrections that another run may write between now and the reading
        first_versions = self.folder / "????-??-??.parquet"
        return f"select * from read_parquet('{first_versions}') where {self.table.day} {days}"

    @property
    def all_versions(self) -> str:
        """SQL for every version of every row."""
        return f"select * from read_parquet('{self._files}')"

    @property
    def _is_corrected(self) -> bool:
        return any(self.folder.glob(_CORRECTIONS))

    def _correct(
        self,
        connection: duckdb.DuckDBPyConnection,
        source: str,
        again: Mapping[date, str],
        new: Sequence[date],
        now: datetime,
    ) -> int:
        """Write the versions that correct days, each of the rows that meet its condition; returns how many."""
        none = f"{versions.first(source, self.table)} limit 0"
        connection.execute(f"create temp table corrections as {none}", {"day": now.date()})
        # a day after the other, so that memory does not grow with their number
        for day, among in again.items():
            query = versions.corrections(source, self._files, self.table, now, among)
            connection.execute(f"insert into corrections by name {query}", {"again": day, "new": new})
        if not connection.execute("select 1 from corrections limit 1").fetchone():
            return 0
        file = self.folder / f"corrections_{now.astimezone(UTC):%Y%m%dT%H%M%S%f}.parquet"
        return _write(connection, "from corrections", {}, file)

    def _is_published(self, day: date) -> bool:
        return self._first_file(day).is_file()

    def _first_file(self, day: date) -> Path:
        return self.folder / f"{day.isoformat()}.parquet"

    @property
    def _files(self) -> str:
        return str(self.folder / _FILES)


def training_frame(store: "FeatureStore", service: str, labels: pd.DataFrame) -> pd.DataFrame:
    """`labels` with the features of `service` beside them, each as it was known at the row's `event_timestamp`.

    Rows are kept as they are, one a label, in the order of their moments; what was not known at its moment is null.
    """
    from feast.errors import FeatureServiceNotFoundException

    try:
        features = store.get_feature_service(service)
    except FeatureServiceNotFoundException:
        raise LookupError(f"Feature service {service!r} is not applied; materialise feature_registry first.") from None
    if labels.empty:
        names = [feature.name for view in features.feature_view_projections for feature in view.features]
        return labels.reindex(columns=[*labels.columns, *names])
    job = store.get_historical_features(labels, features, filter_by_created_timestamp=True)
    frame: pd.DataFrame = job.to_df()
    if len(frame) != len(labels):
        raise ValueError(f"Joining {service} gave {len(frame)} rows for {len(labels)} labels; one each is needed.")
    # neither the warehouse nor Feast promises an order, and what is learnt hangs on it
    told = [MOMENT, *labels.columns.drop(MOMENT)]
    return frame.drop(columns=[FEATURE_AT, KNOWN_AT], errors="ignore").sort_values(told, ignore_index=True)


def _write(connection: duckdb.DuckDBPyConnection, query: str, values: Mapping[str, Any], file: Path) -> int:
    """Write the rows of a query to a file; returns how many."""
    with whole.written(file) as partial:
        return _only(connection.execute(f"copy ({query}) to '{partial}' (format parquet)", values))


def _only(result: duckdb.DuckDBPyConnection) -> int:
    """The number that a statement gives."""
    row = result.fetchone()
    return int(row[0]) if row else 0
