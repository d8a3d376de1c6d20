"""The main job as a user runs it, from an export to a decision, and what must hold afterwards."""

import json
import sqlite3
import subprocess
import sys
from pathlib import Path
from textwrap import dedent
from typing import Any

import pandas as pd
import pytest

from feature_repo import contract
from feature_repo.contract import FeatureTable
from serving.activity import accumulate
from serving.requests import Event
from tactful.dbt import DBT_PROJECT
from tactful.home import environment
from tactful.settings import Settings
from tests.conftest import PROJECT, Ran, tactful


@pytest.fixture(scope="module")
def summary(ran: Ran) -> dict[str, Any]:
    return dict(json.loads((ran.home / "reports" / "summary.json").read_text()))


def test_the_scoreboard_tells_what_an_owner_asks(ran: Ran) -> None:
    for told in ("Rows", "accounted for", "Models", "ROC-AUC", "case study 000", "Segments", "Drift", "Decision"):
        assert told in ran.printed
    assert "Stages" in ran.printed


def test_every_row_is_accounted_for(ran: Ran, summary: dict[str, Any]) -> None:
    rows = summary["rows"]
    went = [rows[f"rows_{where}"] for where in ("loaded", "duplicate", "quarantined", "suppressed")]

    assert sum(went) == rows["rows_read"]
    assert rows["rows_loaded"] == ran.query("select count(*) as n from stg_ga4__events").loc[0, "n"]
    assert rows["rows_duplicate"] > 0


def test_revenue_is_one_wherever_it_is_told(ran: Ran) -> None:
    """The shop reloads its order pages; a purchase that is told twice is sold once."""
    tables = ("fct_purchases", "fct_daily_kpis", "int_user_days")
    told = [float(ran.query(f"select sum(revenue_usd) as usd from {table}")["usd"].sum()) for table in tables]

    assert told[0] > 0
    assert told == pytest.approx([told[0]] * 3)


def test_every_key_of_the_summary_is_documented(summary: dict[str, Any]) -> None:
    documented = (PROJECT / "docs" / "summary.md").read_text()
    parts = ("rows", "drift", "decision", "segments", "scores")
    keys = {*summary, *(key for part in parts for key in summary[part])}
    keys |= {key for told in (*summary["models"].values(), *summary["guard"].values()) for key in told}

    assert {key for key in keys if f"`{key.removesuffix('_low').removesuffix('_high')}`" not in documented} == set()


def test_counts_are_whole_numbers_and_a_list_without_entries_is_one(summary: dict[str, Any]) -> None:
    rows, behaviour, segments = summary["rows"], summary["models"]["popup_behaviour"], summary["segments"]
    counts = [behaviour["rows"], behaviour["positives"], segments["users"], segments["segments"]]

    assert {type(count) for count in counts} == {int}
    assert (rows["days_refused"], rows["files_broken"], rows["quarantine_reasons"]) == ([], [], {})


def test_models_are_champions_and_say_how_sure_they_are(summary: dict[str, Any]) -> None:
    behaviour = summary["models"]["popup_behaviour"]

    assert behaviour["status"] == "champion"
    assert behaviour["roc_auc_low"] <= behaviour["roc_auc"] <= behaviour["roc_auc_high"]
    # add_to_cart needs no pop-up, so that there is no showing to compare
    assert "policies" not in behaviour


def test_the_live_decision_is_the_champion_s_and_on_record(ran: Ran, summary: dict[str, Any]) -> None:
    decision = summary["decision"]
    with sqlite3.connect(ran.home / "decisions" / "decisions.sqlite") as audit:
        recorded = audit.execute(
            "select action, score, digest from decisions where decision_id = ?", (decision["decision_id"],)
        ).fetchall()

    assert recorded == [(decision["action"], decision["score"], summary["models"]["popup_behaviour"]["digest"])]


def test_a_second_run_finds_nothing_new(ran: Ran) -> None:
    outcome = tactful("run", home=ran.home, **ran.variables)

    assert outcome.returncode == 0
    assert "Nothing is new" in outcome.stdout


def test_the_run_and_its_checks_are_on_the_dagster_instance(ran: Ran, summary: dict[str, Any]) -> None:
    listed = dedent(
        """
        import dagster as dg
        with dg.DagsterInstance.get() as instance:
            (run,) = instance.get_runs()
            logs = instance.all_logs(run.run_id, of_type=dg.DagsterEventType.ASSET_CHECK_EVALUATION)
            passed = [entry.dagster_event.asset_check_evaluation_data.passed for entry in logs]
            print(run.run_id, run.status.value, all(passed), len(passed))
        """
    )
    told = subprocess.run(
        [sys.executable, "-c", listed],
        env=environment(Settings(home=ran.home)),
        capture_output=True,
        text=True,
        check=True,
    )

    run_id, status, all_passed, checks = told.stdout.split()
    assert (run_id, status, all_passed) == (summary["run_id"], "SUCCESS", "True")
    assert int(checks) > 20


def test_dbt_s_unit_tests_pass(ran: Ran) -> None:
    tested = subprocess.run(
        [
            Path(sys.executable).with_name("dbt"),
            *("test", "--select", "test_type:unit"),
            *("--project-dir", DBT_PROJECT, "--profiles-dir", DBT_PROJECT, "--target-path", ran.home / "dbt_target"),
        ],
        env=environment(Settings(home=ran.home)),
        capture_output=True,
        text=True,
        check=False,
    )

    assert tested.returncode == 0, tested.stdout
    assert "PASS=0" not in tested.stdout


@pytest.fixture(scope="module")
def tables(manifest: Path) -> tuple[FeatureTable, ...]:
    return contract.load(manifest)


def test_the_service_s_live_features_are_the_warehouse_s(ran: Ran, tables: tuple[FeatureTable, ...]) -> None:
    """One rule, two roads: for every moment of 300 sessions, what the service accumulates is what dbt built."""
    rules = {column.name: column.rule for table in tables for column in table.features if column.rule}
    moments = ran.query(
        "select *, epoch_us(feature_at) as moment from fct_session_activity "
        "where session_key in (select distinct session_key from fct_sessions order by session_key limit 300)"
    )
    events = ran.query(
        "select session_key, event_name, event_timestamp from int_events_sessionized order by event_timestamp"
    )
    heard = {
        key: [Event(*row) for row in rows[["event_name", "event_timestamp"]].itertuples(index=False)]
        for key, rows in events[events["session_key"].isin(moments["session_key"])].groupby("session_key")
    }

    for moment in moments.to_dict("records"):
        live = accumulate(rules, heard[moment["session_key"]], moment["moment"])
        stored = {name: None if pd.isna(moment[name]) else moment[name] for name in rules}
        assert live == pytest.approx(stored)


def test_no_training_row_knows_more_than_its_moment(ran: Ran, tables: tuple[FeatureTable, ...]) -> None:
    """Each row's user history is the newest that described the user and was known by then, found by brute force."""
    user_table = next(table for table in tables if table.entity == "user" and table.features_of("popup_behaviour"))
    name = user_table.features_of("popup_behaviour")[0].name
    rows = pd.read_parquet(ran.home / "training_sets" / "popup_behaviour.parquet").sample(200, random_state=0)
    history = ran.query(f"select user_pseudo_id, feature_at, known_at, {name} from {user_table.name}")
    by_user = dict(list(history.groupby("user_pseudo_id")))

    known = 0
    for row in rows.to_dict("records"):
        moment = row["event_timestamp"].tz_localize(None)
        past = by_user.get(row["user_pseudo_id"], history.iloc[:0])
        fit = past[past["known_at"].le(moment) & past["feature_at"].between(moment - user_table.ttl, moment)]
        expected = None if fit.empty else fit.sort_values("feature_at")[name].iloc[-1]
        known += expected is not None
        assert (None if pd.isna(row[name]) else row[name]) == expected
    assert known > 0


def test_users_of_the_newest_day_have_their_segment_not_known_before_it_was_given(
    ran: Ran, summary: dict[str, Any]
) -> None:
    labels = ran.query("select * from fct_user_segments")
    users = ran.query(
        "select * from fct_user_features where feature_date = (select max(feature_date) from fct_user_features)"
    )
    named = labels.groupby(["segment_id", "segment_name"]).size().to_dict()

    assert set(labels["user_pseudo_id"]) == set(users["user_pseudo_id"])
    assert labels["feature_date"].nunique() == 1
    assert (labels["feature_at"] == users["feature_at"].iloc[0]).all()
    assert named == {(one["id"], one["name"]): one["users"] for one in summary["segments"]["by_size"]}
    # the shop's days are over, and its segments were found just now
    assert labels["known_at"].min() > users["known_at"].max()


def test_no_label_is_its_own_feature(ran: Ran, tables: tuple[FeatureTable, ...]) -> None:
    """No single feature tells the label by itself: that would be the leak of published models on this data."""
    from sklearn.metrics import roc_auc_score

    rows = pd.read_parquet(ran.home / "training_sets" / "popup_behaviour.parquet")
    label = rows["converts"].astype(bool)
    for table in tables:
        for column in table.features_of("popup_behaviour"):
            if column.data_type != "string":
                values = rows[column.name].astype(float).fillna(-1)
                assert max(roc_auc_score(label, values), roc_auc_score(label, -values)) < 0.95, column.name
