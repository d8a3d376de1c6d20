"""A real Redis that is gone, hangs, is slow, comes and goes, or has forgotten: visitors are answered meanwhile."""

import shutil
import signal
import subprocess
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import httpx
import pytest
import redis
from feast import FeatureStore

from serving.patience import READERS
from tests.redis_server import PROGRAM, free_port, redis_process
from tests.serving.conftest import feast_on
from tests.serving.test_app import asked

RETURN = 5.0
"""Seconds within which a store that has come back is read again."""

pytestmark = pytest.mark.skipif(shutil.which(PROGRAM) is None, reason=f"{PROGRAM} is not installed")


class Shop:
    """A service over a Redis that a test can do anything to."""

    def __init__(self, folder: Path, services: Any) -> None:
        self.folder, self.port = folder, free_port()
        self._running = ExitStack()
        self.start()
        self.repository = feast_on(folder, f'{{type: redis, connection_string: "127.0.0.1:{self.port}"}}')
        self.client: httpx.Client = services.start(
            open_store=lambda: FeatureStore(repo_path=str(self.repository)), deadline=0.05
        )
        self.until_read()

    def start(self) -> None:
        self.server: subprocess.Popen[str] = self._running.enter_context(redis_process(self.folder, self.port))

    def stop(self) -> None:
        self.server.send_signal(signal.SIGCONT)
        self._running.close()

    def ask(self, times: int = 1) -> list[dict[str, Any]]:
        """The answers to so many requests, eight at a time; each of them is one."""
        with ThreadPoolExecutor(8) as pool:
            answers = list(pool.map(lambda _: self.client.post("/v1/decide", json=asked()), range(times)))
        assert {answer.status_code for answer in answers} == {200}
        return [answer.json() for answer in answers]

    def until_read(self) -> None:
        """The store is read again before RETURN is over."""
        deadline = time.monotonic() + RETURN
        while (last := self.ask()[0])["fallback"]:
            assert time.monotonic() < deadline, last
            time.sleep(0.05)
        assert last["features_missing"] == []


@pytest.fixture
def shop(tmp_path_factory: pytest.TempPathFactory, services: Any) -> Iterator[Shop]:
    shop = Shop(tmp_path_factory.mktemp("redis"), services)
    yield shop
    shop.stop()


def are_left_alone(answers: list[dict[str, Any]]) -> bool:
    return {(answer["action"], answer["reason"]) for answer in answers} == {("nothing", "features_unavailable")}


def test_f16_while_redis_is_gone_visitors_are_left_alone_and_then_decided_for(shop: Shop) -> None:
    rows: Any = redis.Redis(port=shop.port)
    dumped = {key: rows.dump(key) for key in rows.scan_iter()}
    shop.stop()
    assert are_left_alone(shop.ask(60))
    shop.start()
    for key, value in dumped.items():
        rows.restore(key, 0, value)
    shop.until_read()


def test_f17_while_redis_hangs_visitors_are_left_alone_and_no_more_threads_hang_in_it(shop: Shop) -> None:
    before = set(threading.enumerate())
    shop.server.send_signal(signal.SIGSTOP)
    assert are_left_alone(shop.ask(60))
    new = [thread for thread in threading.enumerate() if thread not in before and thread.name.startswith("features")]
    assert len(new) < READERS
    shop.server.send_signal(signal.SIGCONT)
    shop.until_read()


def test_f17_a_redis_that_is_slow_takes_nobody_s_answer(shop: Shop) -> None:
    done = threading.Event()

    def slow() -> None:
        with redis.Redis(port=shop.port) as client:
            while not done.is_set():
                client.execute_command("CLIENT PAUSE 200 ALL")

    slowing = threading.Thread(target=slow)
    slowing.start()
    answers = shop.ask(60)
    done.set()
    slowing.join()
    assert any(answer["fallback"] for answer in answers)
    shop.until_read()


def test_f17_a_redis_that_comes_and_goes_takes_nobody_s_answer(shop: Shop) -> None:
    for _ in range(10):
        shop.server.send_signal(signal.SIGSTOP)
        shop.ask(8)
        shop.server.send_signal(signal.SIGCONT)
        shop.ask(8)
    shop.until_read()


def test_f18_a_redis_that_has_forgotten_makes_every_visitor_a_new_one(shop: Shop) -> None:
    redis.Redis(port=shop.port).flushall()
    (answer,) = shop.ask()
    assert (answer["fallback"], answer["features_missing"]) == (False, ["spend_usd", "purchases"])
    assert answer["score"] is not None
