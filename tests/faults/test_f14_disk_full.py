"""A full disk, as a limit on the size of files: a clean error, what stood there stands, and it goes on after."""

import resource
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

from simulator.export import write
from simulator.shop import Shop
from tests.conftest import PROJECT
from tests.service_process import running

LAND = """
import resource, signal, sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo
from ga4_export.days import land_days
from ga4_export.landing import Landing
from ga4_export.listing import list_days

signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
exported = list_days(Path(sys.argv[1]))
landing = Landing(Path(sys.argv[2]), ZoneInfo("UTC"), timedelta(0))

def land(limit):
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit, resource.RLIM_INFINITY))
    landed = land_days(landing, exported, sorted(exported), datetime(2026, 2, 1, tzinfo=UTC))
    print(len(landed.days), len(landed.refused), flush=True)

first, *_ = sorted(exported)
landing.land(first, exported[first], datetime(2026, 2, 1, tzinfo=UTC))
try:
    land(20_000)
except OSError as full:
    print(full.strerror or full, flush=True)
print(*sorted(day.isoformat() for day in landing.landed_days()), flush=True)
land(resource.RLIM_INFINITY)
"""


def test_f14_a_landing_that_finds_the_disk_full_says_so_and_goes_on_when_it_is_not(tmp_path: Path) -> None:
    shop = Shop(days=3, sessions_per_day=250)
    write(tmp_path / "export", shop)

    ran = subprocess.run(
        [sys.executable, "-c", LAND, tmp_path / "export", tmp_path / "landing"],
        cwd=PROJECT,
        capture_output=True,
        text=True,
        check=True,
    )

    told, landed_before, landed_after = ran.stdout.splitlines()
    assert "File too large" in told
    assert landed_before == shop.first_day.isoformat()
    assert landed_after == "3 0"
    assert list(tmp_path.rglob("*.partial")) == []


def test_f14_a_service_whose_record_is_full_decides_nothing_until_it_is_not(tmp_path: Path) -> None:
    record = tmp_path / "decisions" / "decisions.sqlite"
    with running(tmp_path) as service:
        client = service.client
        assert client.post("/v1/decide", json={"user_pseudo_id": "1.1"}).status_code == 200

        limit = (record.stat().st_size, resource.RLIM_INFINITY)
        resource.prlimit(service.process.pid, resource.RLIMIT_FSIZE, limit)
        statuses = [client.post("/v1/decide", json={"user_pseudo_id": f"{n}.2"}) for n in range(200)]
        refused = [answer for answer in statuses if answer.status_code != 200]
        assert refused
        assert {(answer.status_code, answer.json()["code"]) for answer in refused} == {(503, "E_AUDIT_UNAVAILABLE")}

        resource.prlimit(service.process.pid, resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
        assert client.post("/v1/decide", json={"user_pseudo_id": "1.3"}).status_code == 200
    answered = 2 + len(statuses) - len(refused)
    with closing(sqlite3.connect(record)) as kept:
        assert kept.execute("select count(*) from decisions").fetchone() == (answered,)
