"""A day of the simulated shop's visitors as clients of the decision service, over the wire."""

import json
import shutil
import socket
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from datetime import date
from pathlib import Path

import pandas as pd
import pytest

from simulator import live, truth
from simulator.actions import NOTHING, POP_UP
from simulator.population import Population
from simulator.shop import Shop
from tactful.live import freshness
from tactful.settings import REMEMBERED, Settings
from tactful.simulate import shop_of
from tests.conftest import Ran, tactful

DAY = date(2026, 1, 26)
SERVE = """
import socket, sys
import uvicorn
from serving.main import create_app_from_settings
from tactful.settings import Settings

app = create_app_from_settings(Settings(home=sys.argv[1]))
uvicorn.Server(uvicorn.Config(app, log_level="error")).run(sockets=[socket.socket(fileno=int(sys.argv[2]))])
"""


@pytest.fixture(scope="module")
def home(ran: Ran, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the main job's home, whose decisions nobody else counts."""
    return Path(shutil.copytree(ran.home, tmp_path_factory.mktemp("live") / "home"))


@pytest.fixture(scope="module")
def shop(ran: Ran) -> Shop:
    return shop_of(Settings(_env_file=ran.home / REMEMBERED), "default")


@pytest.fixture(scope="module")
def port(home: Path) -> Iterator[int]:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        command = [sys.executable, "-c", SERVE, str(home), str(listening.fileno())]
        with subprocess.Popen(command, pass_fds=[listening.fileno()]) as service:
            yield int(listening.getsockname()[1])
            service.terminate()


def _decisions(home: Path) -> int:
    with closing(sqlite3.connect(home / "decisions" / "decisions.sqlite")) as audit:
        ((count,),) = audit.execute("select count(*) from decisions").fetchall()
    return int(count)


def _statuses(home: Path) -> list[dict[str, str]]:
    with closing(sqlite3.connect(home / "decisions" / "decisions.sqlite")) as audit:
        rows = audit.execute("select feature_status from decisions order by rowid").fetchall()
    return [json.loads(status) for (status,) in rows]


def test_each_exit_of_a_day_is_decided_and_answered_by_the_truth(shop: Shop, home: Path, port: int) -> None:
    before, moments = _decisions(home), live.moments_on(shop, DAY)

    told = tactful("simulate", "--live", str(DAY), "--speed", "1000000", home=home, TACTFUL_DECISION_PORT=str(port))

    assert told.returncode == 0, told.stderr
    assert f"{len(moments)} exits of a made-up shop" in told.stdout
    assert f"{sum(moment.converts[True] for moment in moments):.2f}" in told.stdout
    assert "it says nothing about real visitors" in told.stdout
    assert freshness(_statuses(home)[before:]) in told.stdout
    assert len(moments) > 5
    assert _decisions(home) == before + len(moments)


def test_what_a_visitor_tells_of_the_session_is_what_the_warehouse_makes_of_it(ran: Ran, shop: Shop) -> None:
    day = date(2026, 1, 20)
    built = ran.query("select * from fct_session_profile")
    by_visit = built.set_index(["user_pseudo_id", "session_number"])
    names = {"day_of_week", "hour_of_day", "device_category", "operating_system", "browser", "channel", "country"}

    compared = 0
    for request in (moment.request for moment in live.moments_on(shop, day)):
        row = by_visit.loc[(request["user_pseudo_id"], request["profile"]["session_number"])]
        told = {name: request["profile"].get(name) for name in (*names, "region", "city")}
        assert told == {name: None if pd.isna(row[name]) else row[name] for name in told}
        compared += 1
    assert compared > 5


def test_without_a_service_one_line_says_how_to_start_it(home: Path) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        told = tactful("simulate", "--live", str(DAY), home=home, TACTFUL_DECISION_PORT=str(free.getsockname()[1]))

    assert told.returncode == 1
    assert "No decision service answers" in told.stderr
    assert len(told.stderr.strip().splitlines()) == 1


def test_the_moments_are_those_of_the_truth(shop: Shop) -> None:
    known, moments = truth.on_day(Population(shop), DAY), live.moments_on(shop, DAY)

    told = {moment.request["user_pseudo_id"]: moment.converts for moment in moments}
    assert told == {
        user: (alone, asked)
        for user, alone, asked in zip(
            known.user_pseudo_id.to_pylist(),
            known.converts[:, NOTHING].tolist(),
            known.converts[:, POP_UP].tolist(),
            strict=True,
        )
    }
    assert [moment.at_us for moment in moments] == sorted(moment.at_us for moment in moments)
    assert all(event["event_timestamp"] <= moment.at_us for moment in moments for event in moment.request["events"])
