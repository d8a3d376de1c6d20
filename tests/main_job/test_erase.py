"""One user erased from every store of a home in which the main job has run; nobody else is touched."""

import json
import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, date, datetime
from io import StringIO
from pathlib import Path

import duckdb
import pytest
from rich.console import Console

from feature_repo import contract, online
from feature_repo import erasure as features
from feature_repo.contract import FeatureTable
from feature_repo.offline import History, Marts
from feature_repo.store import open_store
from ga4_export.landing import Landing
from serving.audit import AuditLog
from serving.audit_erasure import ERASED
from serving.erasures import Erasures
from tactful import plan
from tactful.erase import Receipt, erase
from tactful.erasures import erase_asked
from tactful.landing import landing_of
from tactful.settings import Settings
from tactful.source import source_of
from tests.conftest import Ran, tactful
from tests.ga4_export.conftest import NOW


@pytest.fixture(scope="module")
def decided(ran: Ran) -> str:
    """A user whom every store holds: the one about whom the run decided."""
    with closing(sqlite3.connect(ran.home / "decisions" / "decisions.sqlite")) as audit:
        ((user,),) = audit.execute("select distinct user_pseudo_id from decisions").fetchall()
    return str(user)


@pytest.fixture(scope="module", params=["named", "asked"])
def way(request: pytest.FixtureRequest) -> str:
    """How it comes that the user is erased: a person names the user, or the decision service was asked to."""
    return str(request.param)


@pytest.fixture(scope="module")
def lived_in(ran: Ran, decided: str, manifest: Path, way: str, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the run's home with scores, a neighbour with a longer id, and what was built of another export."""
    folder = tmp_path_factory.mktemp("lived_in") / "home"
    shutil.copytree(ran.home, folder)
    landing = landing_of(Settings(home=folder))
    shutil.copytree(landing.folder, folder / "earlier" / "other-1" / "ga4_export")
    with duckdb.connect(str(folder / "warehouse.duckdb")) as connection:
        connection.execute(
            "insert into tactful.fct_sessions "
            f"select * replace ('{decided}0' as user_pseudo_id, replace(session_key, '{decided}.', '{decided}0.') "
            f"as session_key) from tactful.fct_sessions where user_pseudo_id = '{decided}'"
        )
    (table,) = (table for table in contract.load(manifest) if table.view == "user_scores")
    _score(folder, table, decided, max(landing.landed_days()))
    if way == "asked":
        with AuditLog(folder / "decisions" / "decisions.sqlite") as audit:
            Erasures(audit).ask("shop", decided, decided)
    return folder


def _score(folder: Path, table: FeatureTable, user: str, day: date) -> None:
    """Scores of a user everywhere they are kept; so few rows make no champion that would give them."""
    with duckdb.connect(str(folder / "warehouse.duckdb")) as connection:
        connection.execute("use tactful")
        connection.execute(
            "create temp table said as select $user as user_pseudo_id, $day as feature_date, "
            "$day + interval 1 day as feature_at, feature_at as known_at, '1' as version, 0.5 as score",
            {"user": user, "day": day},
        )
        connection.execute(
            "insert into user_model_scores by name select *, 'churn' as model, 'will' as answer from said"
        )
        connection.execute(
            f"insert into {table.name} by name "
            "select * exclude (version, score), version as churn_version, score as churn_probability_30d from said"
        )
    history = History.of(folder, table)
    history.publish(Marts(folder / "warehouse.duckdb", "tactful"), [day], datetime.now(UTC))
    online.write_newest(open_store(Settings(home=folder)), table, history.read_to_serve(day))


@pytest.fixture(scope="module")
def before(lived_in: Path, decided: str) -> dict[str, str]:
    """All that is about others, before the user is erased."""
    return dict(_others(lived_in, decided))


@pytest.fixture(scope="module")
def receipt(lived_in: Path, decided: str, way: str, before: dict[str, str]) -> Receipt:
    settings, console = Settings(home=lived_in), Console(file=StringIO())
    if way == "named":
        return erase(settings, decided, console)
    receipt = erase_asked(settings, console)
    assert receipt is not None
    assert erase_asked(settings, console) is None
    return receipt


def test_the_receipt_counts_each_store_and_names_nobody(lived_in: Path, decided: str, receipt: Receipt) -> None:
    (file,) = (lived_in / "erasures").glob("*.json")
    stated = json.loads(file.read_text())

    for store in ("landed", "offline_features", "training_sets", "online_store", "decisions", "earlier/other-1/landed"):
        assert receipt.rows[store] > 0, store
    built = {"stg_ga4__events", "fct_user_features"}
    said = {"user_segment_labels", "fct_user_segments", "user_model_scores", "fct_user_scores"}
    assert {f"warehouse.{table}" for table in built | said} <= set(receipt.rows)
    assert receipt.rows["warehouse.stg_ga4__events"] == receipt.rows["landed"]
    assert receipt.rows["online_store"] == 3, "features, segment and scores"
    assert stated["rows"] == receipt.rows
    assert decided not in file.read_text()
    assert receipt.quoted_in == ()


def test_nothing_in_the_home_holds_the_user_but_the_export_itself(
    lived_in: Path, decided: str, receipt: Receipt
) -> None:
    assert receipt.left == (str(lived_in / "simulated_export"),)
    assert [str(file) for file in _holding(lived_in, decided)] == []


def test_nobody_else_is_touched(lived_in: Path, decided: str, before: dict[str, str], receipt: Receipt) -> None:
    assert dict(_others(lived_in, decided)) == before


def test_every_row_is_still_accounted_for(lived_in: Path, receipt: Receipt) -> None:
    landing = landing_of(Settings(home=lived_in))
    landed = [found for day in landing.landed_days() if (found := landing.landed(day))]
    files = [file for day in landed for file in day.files]

    assert all(file.is_conserved for file in files)
    assert sum(file.rows_suppressed for file in files) == receipt.rows["landed"] + receipt.rows["quarantine"]
    with duckdb.connect(str(lived_in / "warehouse.duckdb"), read_only=True) as connection:
        ((rows,),) = connection.execute("select count(*) from tactful.stg_ga4__events").fetchall()
    assert rows == sum(file.rows_loaded for file in files)


def test_landing_the_export_again_keeps_the_user_out(lived_in: Path, decided: str, receipt: Receipt) -> None:
    settings = Settings(home=lived_in)
    landing = landing_of(settings)
    day = date.fromisoformat(receipt.days[0])
    suppressed = _suppressed(landing, day)
    landing.manifest(day).unlink()

    landing.land(day, [lived_in / "simulated_export" / f"events_{day:%Y%m%d}.parquet"], NOW)

    assert _suppressed(landing, day) >= suppressed > 0
    assert not features.erase_parquet(landing.folder, [decided])


def test_the_decision_keeps_its_record_without_the_visitor(lived_in: Path, decided: str, receipt: Receipt) -> None:
    file = lived_in / "decisions" / "decisions.sqlite"
    with closing(sqlite3.connect(file)) as audit:
        ((decision_id,),) = audit.execute("select decision_id from decisions").fetchall()
        for change in ("update decisions set score = 0", "delete from decisions"):
            with pytest.raises(sqlite3.IntegrityError, match="never"):
                audit.execute(change)
    with AuditLog(file) as log:
        decision = log.find(decision_id)

    assert decision is not None
    assert (decision.user_pseudo_id, decision.request.user_pseudo_id) == (ERASED, ERASED)
    assert (dict(decision.features), decision.request.events, decision.request.profile) == ({}, (), {})
    assert decision.score is not None


def test_a_run_begins_with_those_who_asked_meanwhile(ran: Ran, lived_in: Path, receipt: Receipt) -> None:
    with AuditLog(lived_in / "decisions" / "decisions.sqlite") as audit:
        Erasures(audit).ask("shop", "0.0", "0.0")
    # a home in another folder is built anew otherwise
    stated = {name.removeprefix("TACTFUL_").lower(): value for name, value in ran.variables.items()}
    settings = Settings.model_validate({"home": lived_in, **stated})
    plan.record(lived_in, plan.inputs_of(settings, source_of(settings)))

    outcome = tactful("run", home=lived_in, **ran.variables)

    assert outcome.returncode == 0, outcome.stderr
    assert "Erased: 1 user for whom that was asked; the receipt is " in " ".join(outcome.stdout.split())
    assert "Nothing is new since the last run" in outcome.stdout
    assert landing_of(Settings(home=lived_in)).erased.holds("0.0")


def _suppressed(landing: Landing, day: date) -> int:
    landed = landing.landed(day)
    return sum(file.rows_suppressed for file in landed.files) if landed else 0


def _holding(folder: Path, user: str) -> Iterator[Path]:
    """The files that hold the id in their bytes or in a value; the neighbour's longer id is another."""
    others = f"{user}0".encode()
    for file in sorted(found for found in folder.rglob("*") if found.is_file()):
        if "simulated_export" in file.parts:
            continue
        is_held = user.encode() in file.read_bytes().replace(others, b"")
        if file.suffix == ".parquet":
            query = f"select count(*) from read_parquet('{file}') as row where contains(cast(row as varchar), $user)"
            is_held |= duckdb.execute(query, {"user": user}).fetchall() != [(0,)]
        if is_held:
            yield file


def _others(folder: Path, user: str) -> Iterator[tuple[str, str]]:
    """A digest of the rows about others, by table and file; items of a basket name no user."""
    with duckdb.connect(str(folder / "warehouse.duckdb"), read_only=True) as connection:
        tables = connection.execute("select table_name from duckdb_tables() where table_name not like '%_items'")
        places = [f"tactful.{table}" for (table,) in tables.fetchall()]
        for place in ("feature_store/offline", "training_sets", "ga4_export/events"):
            places += [f"read_parquet('{file}')" for file in sorted((folder / place).rglob("*.parquet"))]
        for place in places:
            columns = [name for name, *_ in connection.execute(f"describe from {place}").fetchall()]
            others = f"user_pseudo_id is distinct from '{user}'" if "user_pseudo_id" in columns else "true"
            query = f"select count(*), bit_xor(hash(row)) from {place} as row where {others}"
            yield place, str(connection.execute(query).fetchall())
    with closing(sqlite3.connect(folder / "feature_store" / "online_store.db")) as online:
        for (table,) in online.execute("select name from sqlite_master where type = 'table'").fetchall():
            rows = online.execute(f'select * from "{table}" where instr(entity_key, ?) = 0', [user.encode()]).fetchall()
            yield f"online {table}", repr(sorted(map(repr, rows)))
