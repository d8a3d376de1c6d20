"""What browsers take from the service: the script, the demonstration shop, and the key in its page."""

import re
from pathlib import Path

import httpx

from serving import main
from tactful.settings import Settings
from tests.serving.browser.conftest import Shop, Visitor


def test_the_script_is_kept_by_browsers_until_it_changes(shop: Shop) -> None:
    script = httpx.get(f"{shop.origin}/tactful.js", timeout=60)
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


def test_the_panel_says_which_acts_the_flag_and_the_decision_at_the_exit_know_nothing_of(visitor: Visitor) -> None:
    page = visitor.come("?item=lamp")
    visitor.until_taken()
    page.get_by_role("button", name="Add to basket").click()
    visitor.until("heard[1]?.answer")
    of_four, of_five = page.locator("#log li").nth(1).inner_text(), page.locator("#log li").nth(0).inner_text()
    visitor.leave()
    visitor.asked()

    assert "flag after 4 of 4 acts, leave alone: " in of_four
    assert "not in it" not in of_four
    assert "flag after 4 of 5 acts, leave alone: " in of_five
    assert of_five.endswith("; the last act is not in it")
    at_the_exit = page.locator("#log li").nth(0).inner_text()
    assert at_the_exit.startswith("Asked: the visitor leaves")
    assert at_the_exit.endswith("; the last act is not in it")
