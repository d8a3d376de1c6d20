"""Days as partitions, in real runs of the job `features`: ninety of them, two runs at once, a day that comes late."""

import json
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from io import StringIO
from pathlib import Path
from uuid import uuid4

import duckdb
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest
from rich.console import Console

from feature_repo import contract
from feature_repo.contract import KNOWN_AT
from feature_repo.offline import History
from simulator.export import write
from simulator.shop import Shop
from tactful import home
from tactful.claims import Claim, claimed
from tactful.dbt import DBT_PROJECT, variables
from tactful.jobs import run_job
from tactful.plan import Plan
from tactful.settings import Settings
from tactful.source import source_of
from tests.conftest import PROJECT
from tests.faults.contents import stated

SHOP = Shop(days=90, sessions_per_day=10)
LATE = SHOP.first_day + timedelta(days=45)
A_DAY = timedelta(days=1)
BUILT = (
    "stg_ga4__source_files",
    "+fct_user_features",
    "+fct_session_activity",
    "+fct_session_profile",
    "+fct_user_behaviour",
)


@dataclass(frozen=True)
class Run:
    """A process that has run the job: its exit code, why steps failed, all that it printed."""

    run_id: str
    code: int
    failures: Sequence[str]
    printed: str

    @property
    def dbt_runs(self) -> int:
        return len(list((DBT_PROJECT / "target").glob(f"warehouse-{self.run_id[:7]}-*")))


class _Process:
    def __init__(self, settings: Settings, folder: Path) -> None:
        self._run_id, source = str(uuid4()), source_of(settings)
        self._progress = folder / f"{self._run_id}.jsonl"
        with self._progress.open("w") as progress:
            days = (str(source.first), str(source.last))
            self._process = subprocess.Popen(
                [
                    *(sys.executable, "-m", "orchestration.run", "features", *days),
                    *(self._run_id, str(progress.fileno()), "--rebuild"),
                ],
                env=home.environment(settings),
                cwd=PROJECT,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
                pass_fds=(progress.fileno(),),
            )

    def until(self, told: str) -> None:
        """Return as soon as the process has printed this."""
        assert self._process.stdout is not None
        heard: list[str] = []
        for line in self._process.stdout:
            heard.append(line)
            if told in line:
                return
        pytest.fail("".join(heard[-30:]))

    def ended(self) -> Run:
        printed, _ = self._process.communicate()
        told = [json.loads(line) for line in self._progress.read_text().splitlines()]
        failures = [line["message"] for line in told if line["state"] == "failed"]
        return Run(self._run_id, self._process.returncode, failures, printed)


@pytest.fixture(scope="module")
def settings(manifest: Path, tmp_path_factory: pytest.TempPathFactory) -> Settings:
    folder = tmp_path_factory.mktemp("ninety_days")
    write(folder / "export", SHOP)
    settings = Settings(home=folder / "home", export=folder / "export", conversion_event="add_to_cart")
    home.prepare(settings)
    return settings


@pytest.fixture(scope="module")
def both(settings: Settings, tmp_path_factory: pytest.TempPathFactory) -> tuple[Run, Run]:
    """Two runs of the same ninety days that begin at once, the one that went well first."""
    folder = tmp_path_factory.mktemp("progress")
    with claimed(settings.home, Claim("0"), print):
        processes = [_Process(settings, folder) for _ in range(2)]
        for process in processes:
            process.until("Waiting for the end of run 0.")
    winner, loser = sorted((process.ended() for process in processes), key=lambda run: run.code)
    return winner, loser


def test_f22_of_two_runs_of_the_same_days_one_builds_them_and_the_other_says_so(both: tuple[Run, Run]) -> None:
    winner, loser = both

    assert (winner.code, list(winner.failures)) == (0, []), winner.printed[-3000:]
    assert loser.code == 1
    assert list(loser.failures) == [
        f"{SHOP.first_day} to {SHOP.first_day + 89 * A_DAY} is being built by run {winner.run_id} already: "
        "this run leaves it to that one."
    ]
    for run in both:
        assert "lock" not in run.printed.lower().replace("block", "").replace("clock", "")


def test_ninety_days_are_one_run_of_dbt(settings: Settings, both: tuple[Run, Run]) -> None:
    winner, loser = both

    assert (winner.dbt_runs, loser.dbt_runs) == (1, 0)
    for table, day in (("stg_ga4__events", "event_date"), ("fct_user_features", "feature_date")):
        assert _rows(settings.home / "warehouse.duckdb", f"select count(distinct {day}) from {table}") == [(90,)]
    published = settings.home / "feature_store" / "offline" / "user_features"
    assert len(list(published.glob("2*.parquet"))) == 90


@pytest.fixture(scope="module")
def gone(settings: Settings, both: tuple[Run, Run]) -> str:
    """A user who was there on a day that GA4 delivers again: without this user, with acts of others that came late."""
    file = source_of(settings).folder / f"events_{LATE:%Y%m%d}.parquet"
    rows = pq.read_table(file)
    users = rows["user_pseudo_id"].unique().to_pylist()
    left = rows.filter(pc.not_equal(rows["user_pseudo_id"], users[0]))
    late = left.filter(pc.equal(left["user_pseudo_id"], users[1]))
    place = late.schema.get_field_index("event_timestamp")
    later = pc.add(late["event_timestamp"], pa.scalar(1_000_000))
    pq.write_table(pa.concat_tables([left, late.set_column(place, late.field(place), later)]), file)
    return str(users[0])


@pytest.fixture(scope="module")
def late_and_afresh(settings: Settings, gone: str, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """The warehouse in which the late day alone was built again, and another that dbt builds from scratch."""
    source, afresh = source_of(settings), tmp_path_factory.mktemp("afresh")
    run_job(settings, "features", Plan(LATE - A_DAY, LATE + A_DAY, "late"), Console(file=StringIO()))
    built = subprocess.run(
        [
            *(Path(sys.executable).with_name("dbt"), "run", "--full-refresh", "--target-path", afresh / "target"),
            *("--project-dir", DBT_PROJECT, "--profiles-dir", DBT_PROJECT, "--select", *BUILT),
            *("--vars", variables(settings, source.first, source.last, source.last)),
        ],
        env=home.environment(settings.model_copy(update={"home": afresh})),
        capture_output=True,
        text=True,
        check=False,
    )
    assert built.returncode == 0, built.stdout
    return settings.home / "warehouse.duckdb", afresh / "warehouse.duckdb"


def test_a_late_day_gives_row_for_row_what_a_rebuild_gives(late_and_afresh: tuple[Path, Path]) -> None:
    late, afresh = late_and_afresh
    listed = _rows(late, "select table_name from duckdb_tables() where schema_name = 'tactful'")
    # what models say of users is no model of dbt's, and was not asked here
    said = ("user_segment_labels", "user_model_scores", "decision_log")
    tables = [str(name) for (name,) in listed if name not in said]

    assert {"stg_ga4__events", "fct_session_activity", "fct_user_features"} <= set(tables)
    for table in tables:
        rows = _told(late, table)
        assert rows, table
        assert rows == _told(afresh, table), table


def test_who_is_gone_from_a_late_day_is_gone_from_what_remembers_it(
    gone: str, late_and_afresh: tuple[Path, Path]
) -> None:
    late, _ = late_and_afresh
    remembering = f"feature_date between date '{LATE}' and date '{LATE + 27 * A_DAY}'"

    assert _rows(late, f"select count(*) > 100 from fct_user_features where {remembering}") == [(True,)]
    assert _rows(late, f"select count(*) from fct_user_features where {remembering} and user_pseudo_id = '{gone}'") == [
        (0,)
    ]


def test_what_is_published_is_what_is_built_after_a_late_day(
    settings: Settings, late_and_afresh: tuple[Path, Path], manifest: Path
) -> None:
    """Also of the days that remember it, of which only those who were there are looked at."""
    late, _ = late_and_afresh
    last = LATE + 27 * A_DAY
    for table in (table for table in contract.load(manifest) if table.every_day):
        published = History.of(settings.home, table).rows(LATE - A_DAY, last)
        names = ", ".join(
            stated(column.name, "DOUBLE" if column.data_type == "float64" else column.data_type)
            for column in table.columns
            if column.name != KNOWN_AT
        )
        built = f"select {names} from {table.name} where {table.day} between date '{LATE - A_DAY}' and date '{last}'"
        told = f"select {names} from ({published})"

        assert _rows(late, f"select count(*) > 100 from ({told})") == [(True,)]
        assert _rows(late, f"({told} except {built}) union all ({built} except {told})") == [], table.name


def _told(warehouse: Path, table: str) -> Sequence[tuple[object, ...]]:
    """The rows of a table in an order of their own, without when they were known."""
    columns = _rows(
        warehouse,
        f"select column_name, data_type from duckdb_columns() where table_name = '{table}' "
        "and column_name != 'known_at' order by column_index",
    )
    compared = (stated(str(name), str(kind)) for name, kind in columns)
    return _rows(warehouse, f"select {', '.join(compared)} from {table} order by all")


def _rows(warehouse: Path, sql: str) -> Sequence[tuple[object, ...]]:
    with duckdb.connect(str(warehouse), read_only=True) as connection:
        connection.execute("use tactful")
        rows: Sequence[tuple[object, ...]] = connection.execute(sql).fetchall()
    return rows
