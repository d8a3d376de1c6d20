"""The service as a process: what it imports, how it starts, and what a kill leaves behind."""

import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import Any, Literal

import pytest
from pydantic import SecretStr

from serving import main
from serving.access import Access
from serving.audit import AuditLog
from serving.clients import Clients, ClientSettings
from serving.following import Followed
from serving.keys import Keyring
from serving.session_file import SessionFile
from serving.session_redis import SessionsInRedis
from serving.session_stores import SessionsInMemory
from tactful.settings import Settings, SettingsError
from tests.redis_server import free_port
from tests.service_process import running

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


def test_a_started_service_has_imported_none_of_what_trains_and_checks(
    registry: Any, feast_repository: Path, tmp_path: Path
) -> None:
    command = [sys.executable, "-c", START, str(tmp_path), registry.tracking_uri, str(feast_repository)]
    modules = subprocess.run(command, capture_output=True, text=True, check=True).stdout.split()
    assert "feast" in modules
    assert HEAVY.isdisjoint(modules)


def test_f11_a_service_that_is_told_to_end_ends_its_streams_and_keeps_its_sessions(tmp_path: Path) -> None:
    events = [{"event_name": "scroll", "event_timestamp": time.time_ns() // 1000}] * 2
    with running(tmp_path) as service:
        sent = service.client.post("/v1/sessions/v.1/events", json={"user_pseudo_id": "v", "events": events})
        with service.client.stream("GET", "/v1/sessions/v.1/stream") as answer:
            lines = answer.iter_lines()
            assert next(lines) == "event: flag"
            service.process.terminate()
            # whose end is not the session's: a browser comes back to the next service
            assert "event: end" not in list(lines)
        assert service.process.wait(timeout=60) == 0
    ((saved, session),) = SessionFile(tmp_path / "decisions" / "sessions.sqlite").read()
    assert (sent.raise_for_status().json()["scored"], saved.user_pseudo_id, session.acts) == (True, "v", 2)


def test_a_local_home_gets_its_key_on_the_first_start(tmp_path: Path) -> None:
    main.create_app_from_settings(Settings(home=tmp_path))
    assert (tmp_path / "decisions" / "local.key").read_text().startswith("tac_")


def test_live_sessions_are_in_redis_where_the_profile_has_one_and_policies_are_the_clients_or_the_setting_s(
    tmp_path: Path,
) -> None:
    clients = Clients({"blog": ClientSettings(session_policy="time_based")})
    access = Access(Followed(lambda: Keyring(())), Followed(lambda: clients))
    with access:
        local = main._live(Settings(home=tmp_path, session_policy="interval"), access)
        redis_url = SecretStr("redis://127.0.0.1:1/0")
        gcp = main._live(Settings(home=tmp_path, profile="gcp", redis_url=redis_url), access)

        assert (type(local.sessions), type(gcp.sessions)) == (SessionsInMemory, SessionsInRedis)
        assert (local.policy_of("shop"), gcp.policy_of("shop")) == ("interval", "sequential")
        assert local.policy_of("blog") == "time_based"


def test_a_port_in_use_is_told_in_one_line(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(
            SettingsError,
            match=rf"^Port {port} can't be used \(Address already in use\): set TACTFUL_DECISION_PORT to a",
        ):
            main.serve(Settings(home=tmp_path, decision_port=port))


@pytest.mark.parametrize("host", ["127.0.0.1", "0.0.0.0"])
def test_it_listens_on_the_host_of_the_settings(tmp_path: Path, host: Literal["127.0.0.1", "0.0.0.0"]) -> None:
    with main._listening(Settings(home=tmp_path, host=host, decision_port=free_port())) as listening:
        assert listening.getsockname()[0] == host


def test_a_home_that_can_not_be_written_is_told_in_one_line(tmp_path: Path) -> None:
    (tmp_path / "decisions").write_text("a file where the folder should be")
    with pytest.raises(SettingsError, match=f"can't start in {tmp_path}"):
        main.serve(Settings(home=tmp_path))


def test_one_question_is_answered_and_put_on_record(tmp_path: Path) -> None:
    answer, seconds = main.ask_once(Settings(home=tmp_path), {"user_pseudo_id": "u1"})
    assert answer["reason"] == "no_champion"
    assert seconds < 5
    assert AuditLog(tmp_path / "decisions" / "decisions.sqlite").find(answer["decision_id"]) is not None


def test_one_wrong_question_fails_with_the_refusal(tmp_path: Path) -> None:
    with pytest.raises(RuntimeError, match="got `int`"):
        main.ask_once(Settings(home=tmp_path), {"user_pseudo_id": 1})
