"""The script in a page, in a real browser: what it tells a real service, and what a visitor sees of that."""

import re
import shutil
import socket
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx
import numpy as np
import pytest
import xgboost as xgb

from feature_repo.contract import ActivityRule
from ml.bundle import Bundle, BundleFeature, Calibration, Header
from ml.encoding import Encoding
from serving import main
from tactful.settings import Settings
from tests.serving.conftest import Registry

if TYPE_CHECKING:
    from playwright.sync_api import Browser, BrowserContext, Page, Route

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


def test_from_the_first_page_view_to_the_pop_up_and_its_conversion(visitor: Visitor) -> None:
    page = visitor.come()
    visitor.until_taken()
    first = page.evaluate("heard[0]")
    page.get_by_role("link", name="Oak Lamp").click()
    page.get_by_role("heading", name="Oak Lamp").wait_for()
    for _ in range(2):
        page.get_by_role("button", name="Add to basket").click()
    visitor.leave()
    pop_up = page.get_by_role("dialog", name="Before you go")
    pop_up.get_by_label("E-mail").fill("visitor@example.org")
    pop_up.get_by_role("button", name="Send me the code").click()
    visitor.until_told("converted")

    assert [event["event_name"] for event in first["body"]["events"]] == [
        "first_visit",
        "session_start",
        "page_view",
        "view_item_list",
    ]
    assert first["answer"]["flag"]["action"] == "nothing"
    decision = visitor.asked()["answer"]
    assert (decision["action"], decision["fallback"]) == ("show", False)
    assert sorted(visitor.shop.became(decision["decision_id"])) == ["converted", "shown"]
    ((client, user, features),) = visitor.shop.query(
        "select client, user_pseudo_id, features from decisions where decision_id = ?", decision["decision_id"]
    )
    assert (client, user, features) == ("demo", visitor.cookies["_tactful"], '{"baskets":2}')
    assert set(visitor.cookies) == {"_tactful", "_tactful_session"}
    assert page.get_by_role("dialog").count() == 0


def test_escape_closes_the_pop_up_and_gives_the_focus_back(visitor: Visitor) -> None:
    visitor.fill_basket()
    page, button = visitor.page, visitor.page.get_by_role("button", name="Add to basket")
    button.focus()
    visitor.leave()
    pop_up = page.get_by_role("dialog")
    pop_up.wait_for()
    inside = "document.activeElement.closest('dialog') !== null"

    assert page.evaluate(inside)
    button.evaluate("button => button.focus()")
    assert page.evaluate(inside)
    page.keyboard.press("Escape")
    visitor.until_told("closed")
    assert pop_up.count() == 0
    assert button.evaluate("button => button === document.activeElement")
    assert sorted(visitor.shop.became(visitor.asked()["answer"]["decision_id"])) == ["closed", "shown"]


def test_who_is_to_be_left_alone_sees_no_pop_up(visitor: Visitor) -> None:
    page = visitor.come("?item=mug")
    visitor.leave()
    decision = visitor.asked()["answer"]

    assert (decision["action"], decision["reason"]) == ("nothing", "score_below_threshold")
    assert decision["decision_id"] in visitor.cookies["_tactful_session"]
    assert page.get_by_role("dialog").count() == 0


def test_who_leaves_twice_is_asked_about_once_and_sees_one_pop_up(visitor: Visitor) -> None:
    visitor.fill_basket()
    visitor.leave()
    visitor.leave()
    visitor.page.get_by_role("dialog").wait_for()
    assert visitor.page.get_by_role("dialog").count() == 1
    visitor.page.keyboard.press("Escape")
    visitor.until_told("closed")
    visitor.leave()
    page = visitor.come("?page=basket")
    visitor.leave()
    visitor.until_taken()

    assert len([address for address in visitor.sent if address.endswith("/decision")]) == 1
    assert page.get_by_role("dialog").count() == 0


@pytest.mark.parametrize(
    "answered",
    [
        None,
        {"body": "<h1>Welcome to the hotel's network</h1>"},
        {"body": '{"action": "show"}'},
        {"body": '"show"'},
        {"status": 401, "body": '{"decision_id": "d1", "action": "show"}'},
    ],
    ids=["late", "another page", "no decision", "no object", "refused"],
)
def test_an_exit_that_is_not_answered_or_not_understood_shows_nothing(
    visitor: Visitor, answered: dict[str, Any] | None
) -> None:
    def answer(route: "Route") -> None:
        if answered is not None:
            route.fulfill(**answered)

    if answered is None:
        visitor.context.add_init_script("AbortSignal.timeout = hurried;")
    visitor.fill_basket()
    visitor.page.route("**/decision", answer)
    visitor.leave()
    visitor.asked()

    assert visitor.page.get_by_role("dialog").count() == 0
    assert visitor.cookies["_tactful_session"].endswith(".asked")


def test_a_service_that_is_away_is_not_noticed_and_left_alone(visitor: Visitor) -> None:
    page = visitor.come("?item=pan")
    visitor.until_taken()
    visitor.context.set_offline(True)
    page.get_by_role("button", name="Add to basket").click()
    visitor.until("heard.at(-1).answer === null")
    failed = len(visitor.sent)
    page.get_by_role("button", name="Add to basket").click()
    visitor.leave()
    page.get_by_role("button", name="See the pop-up").click()
    page.get_by_role("dialog").wait_for()

    assert page.get_by_role("heading", name="Copper Pan").is_visible()
    assert len(visitor.sent) == failed


@pytest.mark.parametrize(
    "objection",
    [
        "Object.defineProperty(navigator, 'doNotTrack', { get: () => '1' });",
        "Object.defineProperty(navigator, 'globalPrivacyControl', { get: () => true });",
        "document.addEventListener('readystatechange', () => {"
        " document.querySelector('script[data-key]').dataset.consent = 'denied'; });",
        "document.addEventListener('readystatechange', () => {"
        " dataLayer.push(['consent', 'default', { analytics_storage: 'denied' }]); });",
    ],
    ids=["doNotTrack", "globalPrivacyControl", "data-consent", "consent mode"],
)
def test_who_objects_is_neither_told_of_nor_asked_about_and_gets_no_cookie(visitor: Visitor, objection: str) -> None:
    visitor.context.add_init_script(objection)
    visitor.fill_basket()
    visitor.leave()
    visitor.come("?page=basket")

    assert visitor.page.evaluate("tactful.isHere")
    assert visitor.sent == []
    assert visitor.cookies == {}


def test_who_consents_later_is_told_of_from_then_on_and_forgotten_when_that_ends(visitor: Visitor) -> None:
    consent = "told => { document.querySelector('script[data-key]').dataset.consent = told; }"
    denied = "document.addEventListener('readystatechange', () => (" + consent + ")('denied'), { once: true });"
    visitor.context.add_init_script(denied)
    page = visitor.come()
    page.evaluate(consent, "granted")
    visitor.until_taken()

    names = [event["event_name"] for event in page.evaluate("heard[0]")["body"]["events"]]
    assert names == ["first_visit", "session_start", "page_view"]
    assert set(visitor.cookies) == {"_tactful", "_tactful_session"}
    page.evaluate(consent, "denied")
    visitor.until("document.cookie === ''")


def test_markup_in_an_item_s_name_stays_text(visitor: Visitor) -> None:
    name = '<img src=x onerror="window.isHurt = true"><script>window.isHurt = true</script>'
    visitor.fill_basket()
    visitor.page.evaluate("name => tactful('event', 'view_item', { items: [{ item_name: name }] })", name)
    visitor.leave()
    pop_up = visitor.page.get_by_role("dialog")

    assert name in pop_up.get_by_role("paragraph").first.inner_text()
    assert pop_up.locator("img, script").count() == 0
    assert visitor.page.evaluate("window.isHurt") is None


def test_a_page_without_a_template_has_a_plain_pop_up_whose_answer_reaches_google_s_tag(visitor: Visitor) -> None:
    visitor.context.add_init_script("window.gtag = function () { dataLayer.push(arguments); };")
    page = visitor.come("?item=mug")
    page.evaluate("document.querySelector('template').remove()")
    page.evaluate("for (const _ of 'ab') gtag('event', 'add_to_cart', { items: [{ item_name: 'Bowl & Co' }] })")
    visitor.leave()
    pop_up = page.get_by_role("dialog", name="Before you go")

    pop_up.get_by_text("Still thinking about Bowl & Co?").wait_for()
    assert pop_up.get_attribute("role") == "dialog"
    pop_up.get_by_role("button", name="Close").click()
    visitor.until_told("closed")
    told = page.evaluate(
        "dataLayer.map(({ 1: name, 2: stated }) => [name, stated]).filter(([name]) => /^popup_/.test(name))"
    )
    decision = visitor.asked()["answer"]
    stated = {"decision_id": decision["decision_id"], "policy": MODEL, "propensity": 1}
    assert told == [["popup_view", stated], ["popup_close", stated]]


def test_a_button_of_the_page_s_own_template_is_a_click_and_no_close(visitor: Visitor) -> None:
    visitor.fill_basket()
    visitor.page.evaluate(
        "document.querySelector('template').content.replaceChildren("
        "Object.assign(document.createElement('button'), { textContent: 'Show me more' }))"
    )
    visitor.leave()
    visitor.page.get_by_role("button", name="Show me more").click()
    visitor.until_told("clicked")

    assert visitor.page.get_by_role("dialog").count() == 0
    assert sorted(visitor.shop.became(visitor.asked()["answer"]["decision_id"])) == ["clicked", "shown"]


def test_a_visitor_whom_google_s_tag_knows_keeps_that_id(visitor: Visitor) -> None:
    visitor.context.add_cookies([{"name": "_ga", "value": "GA1.1.1234567890.1767600000", "url": visitor.shop.origin}])
    page = visitor.come()
    visitor.until_taken()

    events = page.evaluate("heard[0].body")
    assert events["user_pseudo_id"] == "1234567890.1767600000"
    assert [event["event_name"] for event in events["events"]][:2] == ["session_start", "page_view"]
    assert set(visitor.cookies) == {"_ga", "_tactful_session"}


def test_an_id_that_google_s_tag_gives_later_takes_the_place_of_the_script_s_own(visitor: Visitor) -> None:
    page = visitor.come()
    visitor.until_taken()
    page.evaluate("document.cookie = '_ga=GA1.1.1234567890.1767600000; path=/'")
    page = visitor.come("?item=mug")
    visitor.until_taken()

    assert page.evaluate("heard[0].body.user_pseudo_id") == "1234567890.1767600000"
    assert set(visitor.cookies) == {"_ga", "_tactful_session"}


def test_where_the_policy_acts_at_once_the_pop_up_waits_for_no_exit(
    browser: "Browser", basket_fan: Bundle, tmp_path: Path
) -> None:
    with opened(tmp_path, basket_fan, "interval") as shop, browser.new_context() as context:
        visitor = Visitor(context, shop)
        visitor.fill_basket()
        visitor.until_taken()
        first = visitor.page.evaluate("heard[0].answer")
        # six seconds later, without waiting for them
        visitor.page.evaluate("const now = Date.now; Date.now = () => now() + 6_000")
        visitor.page.get_by_role("button", name="Add to basket").click()
        visitor.page.get_by_role("dialog").wait_for()
        visitor.leave()
        visitor.until_told("shown")

        ((decision_id,),) = shop.query("select decision_id from decisions")
        assert (first["flag"], first["decision"]) == (None, None)
        assert decision_id in visitor.cookies["_tactful_session"]
        assert not any(address.endswith("/decision") for address in visitor.sent)
        assert visitor.wrong == []


def test_a_finger_that_scrolls_up_fast_leaves(browser: "Browser", shop: Shop) -> None:
    with browser.new_context(viewport={"width": 390, "height": 500}, is_mobile=True, has_touch=True) as context:
        visitor = Visitor(context, shop)
        visitor.fill_basket()
        page = visitor.come()
        page.evaluate("scrollTo(0, document.documentElement.scrollHeight)")
        visitor.until("scrollY > 300")
        page.evaluate("new Promise(requestAnimationFrame).then(() => scrollBy(0, -400))")
        page.get_by_role("dialog").wait_for()

        assert visitor.asked()["answer"]["action"] == "show"
        assert visitor.wrong == []


def test_a_conversion_that_the_page_names_is_told_of_the_session_s_decision_on_a_later_page(visitor: Visitor) -> None:
    def named(route: "Route") -> None:
        page = route.fetch()
        route.fulfill(response=page, body=page.text().replace(" defer>", ' data-conversion="purchase" defer>'))

    visitor.page.route("**/demo?page=basket", named)
    visitor.fill_basket()
    visitor.leave()
    visitor.page.get_by_role("button", name="No, thank you").click()
    visitor.until_told("closed")
    decision = visitor.asked()["answer"]["decision_id"]
    page = visitor.come("?page=basket")
    page.get_by_role("button", name="Order").click()
    visitor.until_told("converted")

    assert sorted(visitor.shop.became(decision)) == ["closed", "converted", "shown"]


def test_the_script_is_kept_by_browsers_until_it_changes(shop: Shop) -> None:
    script = httpx.get(f"{shop.origin}/tactful.js")
    again = httpx.get(f"{shop.origin}/tactful.js", headers={"if-none-match": script.headers["etag"]})

    assert script.headers["content-type"].startswith("text/javascript")
    assert (script.headers["cache-control"], again.status_code, again.content) == ("public, max-age=3600", 304, b"")


def test_a_page_s_key_is_good_for_its_live_sessions_and_for_nothing_else(shop: Shop) -> None:
    (key,) = re.findall(r'data-key="(tac_[^"]+)"', httpx.get(shop.address).text)
    session, visitor = "/v1/sessions/v.1", {"user_pseudo_id": "v"}
    with httpx.Client(base_url=shop.origin, headers={"authorization": f"Bearer {key}"}) as page:
        taken = page.post(f"{session}/events", json=visitor)
        decision = page.get(f"{session}/decision")
        told = f"/v1/decisions/{decision.json()['decision_id']}"
        listened = page.get(f"{session}/stream")
        rewarded = page.post(f"{told}/reward", json={"kind": "converted"})
        refused = [page.post("/v1/decide", json=visitor), page.post("/v1/decide:batch", json=[visitor]), page.get(told)]

    assert [answer.status_code for answer in (taken, decision, listened, rewarded)] == [200, 200, 204, 200]
    assert [(answer.status_code, answer.json()["code"]) for answer in refused] == [(403, "E_SCOPE")] * 3


def test_there_is_no_shop_unless_it_is_asked_for(tmp_path: Path) -> None:
    service = main.create_app_from_settings(Settings(home=tmp_path))
    addresses = {getattr(route, "path", "") for route in service.routes}

    assert ("/tactful.js" in addresses, "/demo" in addresses) == (True, False)
