"""The service as a process: what it imports, how it starts, and what a kill leaves behind."""

import socket
import sqlite3
import subprocess
import sys
import threading
from contextlib import closing
from pathlib import Path
from typing import Any

import httpx
import pytest

from serving import main
from serving.audit import AuditLog
from tactful.settings import Settings

HEAVY = {"dagster", "dbt", "great_expectations", "evidently"}
START = """
import sys
from pathlib import Path
import anyio
from feast import FeatureStore
from serving.app import create_app
from serving.audit import AuditLog
from serving.champions import Champions
from serving.features import FeastFeatures
from serving.keys import Keyring
from serving.patience import FeaturesInTime

folder, tracking_uri, repository = Path(sys.argv[1]), sys.argv[2], sys.argv[3]
champions = Champions(tracking_uri, ["popup_behaviour"], folder / "bundles")
online = FeaturesInTime(FeastFeatures(lambda: FeatureStore(repo_path=repository)), deadline=30)
app = create_app(champions, online, AuditLog(folder / "decisions.sqlite"), Keyring(()))

async def start():
    async with app.router.lifespan_context(app):
        assert champions.of("popup_behaviour") is not None
        print(*{name.partition(".")[0] for name in sys.modules})

anyio.run(start)
"""
SERVE = """
import socket, sys
from tactful.settings import Settings
from serving import server
from serving.main import create_app_from_settings

server.run(create_app_from_settings(Settings(home=sys.argv[1])), socket.socket(fileno=int(sys.argv[2])))
"""


def test_a_started_service_has_imported_none_of_what_trains_and_checks(
    registry: Any, feast_repository: Path, tmp_path: Path
) -> None:
    command = [sys.executable, "-c", START, str(tmp_path), registry.tracking_uri, str(feast_repository)]
    modules = subprocess.run(command, capture_output=True, text=True, check=True).stdout.split()
    assert "feast" in modules
    assert HEAVY.isdisjoint(modules)


@pytest.mark.parametrize("kill_after", [1, 40])
def test_each_decision_answered_before_a_kill_is_on_record(tmp_path: Path, kill_after: int) -> None:
    answered: list[str] = []
    enough = threading.Event()

    def ask(port: int, visitor: str) -> None:
        token = (tmp_path / "decisions" / "local.key").read_text()
        with httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=30) as client:
            client.headers["authorization"] = f"Bearer {token}"
            try:
                while True:
                    answer = client.post("/v1/decide", json={"user_pseudo_id": visitor})
                    answered.append(answer.raise_for_status().json()["decision_id"])
                    if len(answered) >= kill_after:
                        enough.set()
            except httpx.TransportError:
                pass

    main.create_app_from_settings(Settings(home=tmp_path))
    with socket.create_server(("127.0.0.1", 0)) as listening:
        port, descriptor = listening.getsockname()[1], listening.fileno()
        service = subprocess.Popen([sys.executable, "-c", SERVE, str(tmp_path), str(descriptor)], pass_fds=[descriptor])
    visitors = [threading.Thread(target=ask, args=(port, f"visitor-{number}")) for number in range(4)]
    for visitor in visitors:
        visitor.start()
    assert enough.wait(timeout=60)
    service.kill()
    service.wait()
    for visitor in visitors:
        visitor.join()
    with closing(sqlite3.connect(tmp_path / "decisions" / "decisions.sqlite")) as record:
        recorded = [decision_id for (decision_id,) in record.execute("select decision_id from decisions")]
        intact = record.execute("pragma integrity_check").fetchone()
    assert set(answered) <= set(recorded)
    assert len(recorded) <= len(answered) + len(visitors)
    assert intact == ("ok",)


def test_a_local_home_gets_its_key_on_the_first_start(tmp_path: Path) -> None:
    main.create_app_from_settings(Settings(home=tmp_path))
    assert (tmp_path / "decisions" / "local.key").read_text().startswith("tac_")


def test_a_port_in_use_is_told_in_one_line(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(
            SystemExit, match=rf"^Port {port} can't be used \(Address already in use\): set TACTFUL_DECISION_PORT to a"
        ):
            main.serve(Settings(home=tmp_path, decision_port=port))


def test_a_home_that_can_not_be_written_is_told_in_one_line(tmp_path: Path) -> None:
    (tmp_path / "decisions").write_text("a file where the folder should be")
    with pytest.raises(SystemExit, match=f"can't start in {tmp_path}"):
        main.serve(Settings(home=tmp_path))


def test_one_question_is_answered_and_put_on_record(tmp_path: Path) -> None:
    answer, seconds = main.ask_once(Settings(home=tmp_path), {"user_pseudo_id": "u1"})
    assert answer["reason"] == "no_champion"
    assert seconds < 5
    assert AuditLog(tmp_path / "decisions" / "decisions.sqlite").find(answer["decision_id"]) is not None


def test_one_wrong_question_fails_with_the_refusal(tmp_path: Path) -> None:
    with pytest.raises(RuntimeError, match="got `int`"):
        main.ask_once(Settings(home=tmp_path), {"user_pseudo_id": 1})
