"""The script in a page, in a real browser, before a real service: a shop, and who visits it."""

import shutil
import socket
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import xgboost as xgb

from feature_repo.contract import ActivityRule
from ml.bundle import Bundle, BundleFeature, Calibration, Header
from ml.encoding import Encoding
from tests.serving.conftest import Registry

if TYPE_CHECKING:
    from playwright.sync_api import Browser, BrowserContext, Page

MODEL = "popup_behaviour"
CHROMIUM = shutil.which("chromium")
SERVE = """
import socket, sys
from tactful.settings import Settings
from serving import server
from serving.main import create_app_from_settings

settings = Settings(home=sys.argv[1], session_policy=sys.argv[3], demo_shop=True)
server.run(create_app_from_settings(settings), socket.socket(fileno=int(sys.argv[2])))
"""
HEAR = """
// a machine that does much else answers late; only the test of lateness hurries
window.hurried = AbortSignal.timeout.bind(AbortSignal);
AbortSignal.timeout = milliseconds => hurried(100 * milliseconds);
window.heard = [];
document.addEventListener('tactful', ({ detail }) => heard.push(detail));
window.until = holds => new Promise((resolve, reject) => {
  setInterval(() => holds() && resolve(), 10);
  setTimeout(reject, 30_000, `In vain: ${holds}; heard ${JSON.stringify(heard)}`);
});
"""
ASKED = "heard.find(({ path }) => path.endsWith('/decision'))"


@pytest.fixture(scope="session")
def basket_fan() -> Bundle:
    """A model by which who has put two things into the basket is to be shown the pop-up, and nobody else."""
    rule = ActivityRule("add_to_cart", "count")
    features = (BundleFeature("baskets", "session_activity", "session", "int64", 86_400.0, rule),)
    baskets = np.repeat(np.arange(6, dtype=np.float32), 60)[:, None]
    trees = xgb.train(
        {"objective": "binary:logistic", "max_depth": 1, "nthread": 1},
        xgb.DMatrix(baskets, (baskets[:, 0] >= 2).astype(int)),
        8,
    )
    header = Header(MODEL, f"{MODEL}_v1", "0" * 64, "popup_submit", "2026-01-05", "2026-02-20", threshold=0.5)
    return Bundle(header, features, Encoding({"baskets": None}), Calibration(1.0, 0.0), trees)


class Shop:
    """A demonstration shop that a process serves, and what it has put on record."""

    def __init__(self, home: Path, port: int) -> None:
        self.home = home
        self.origin = f"http://127.0.0.1:{port}"
        self.address = f"{self.origin}/demo"

    def query(self, sql: str, *values: str) -> list[tuple[Any, ...]]:
        with closing(sqlite3.connect(self.home / "decisions" / "decisions.sqlite")) as record:
            return record.execute(sql, values).fetchall()

    def became(self, decision_id: str) -> list[str]:
        told = self.query("select kind from rewards where decision_id = ? order by told_at", decision_id)
        return [kind for (kind,) in told]


@contextmanager
def opened(home: Path, champion: Bundle, policy: str = "sequential") -> Iterator[Shop]:
    """A shop whose visitors `champion` decides about; what is asked before it answers waits in the backlog."""
    (home / "mlflow").mkdir()
    Registry(home / "mlflow").register(champion, golden=[{"baskets": 0}, {"baskets": 3}])
    with socket.create_server(("127.0.0.1", 0)) as listening:
        port, descriptor = listening.getsockname()[1], listening.fileno()
        command = [sys.executable, "-c", SERVE, str(home), str(descriptor), policy]
        service = subprocess.Popen(command, pass_fds=[descriptor])
    yield Shop(home, port)
    service.terminate()
    service.wait()


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory, basket_fan: Bundle) -> Iterator[Shop]:
    with opened(tmp_path_factory.mktemp("home"), basket_fan) as shop:
        yield shop


@pytest.fixture(scope="module")
def browser() -> "Iterator[Browser]":
    if CHROMIUM is None:
        pytest.skip("Debian's package chromium is not installed")
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox", "--disable-gpu"])
        yield browser
        browser.close()


class Visitor:
    """A browser of its own in the shop: what it was asked to load of the service, and what went wrong in its pages."""

    def __init__(self, context: "BrowserContext", shop: Shop) -> None:
        self.context = context
        self.shop = shop
        self.sent: list[str] = []
        self.wrong: list[str] = []
        context.add_init_script(HEAR)
        self.page: Page = context.new_page()
        self.page.set_default_timeout(30_000)
        self.page.on("request", lambda request: self.sent.append(request.url) if "/v1/" in request.url else None)
        self.page.on("pageerror", lambda error: self.wrong.append(str(error)))
        # what a browser itself notes of a request that failed, no script can keep it from
        self.page.on(
            "console",
            lambda told: None if told.text.startswith("Failed to load resource") else self.wrong.append(told.text),
        )

    def come(self, query: str = "") -> "Page":
        self.page.goto(self.shop.address + query)
        return self.page

    def fill_basket(self) -> None:
        """Look at a thing and put it into the basket twice, which makes six acts."""
        page = self.come("?item=lamp")
        for _ in range(2):
            page.get_by_role("button", name="Add to basket").click()

    def leave(self) -> None:
        """Move the mouse out of the window at its top."""
        self.page.mouse.move(300, 300)
        self.page.mouse.move(300, -1)

    def asked(self) -> Any:
        """What the service answered when it was asked at the exit; the script has acted on it."""
        self.until(ASKED)
        return self.page.evaluate(ASKED)

    def until(self, condition: str) -> None:
        """Wait for a condition in the page, whose policy lets nobody wait by `eval`."""
        self.page.evaluate(f"until(() => {condition})")

    def until_told(self, kind: str) -> None:
        """Wait until it is on record what became of the decision."""
        self.until(f"heard.some(({{ body, answer }}) => answer && body?.kind === '{kind}')")

    def until_taken(self) -> None:
        """Wait until the service has taken the page's first events."""
        self.until("heard[0]?.answer")

    @property
    def cookies(self) -> dict[str, str]:
        return {cookie["name"]: cookie["value"] for cookie in self.context.cookies()}


@pytest.fixture
def visitor(browser: "Browser", shop: Shop) -> Iterator[Visitor]:
    with browser.new_context() as context:
        visitor = Visitor(context, shop)
        yield visitor
        assert visitor.wrong == []
