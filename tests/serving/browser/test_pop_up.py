"""The pop-up: who sees it and when, what becomes of it, and nothing where it can't be."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from ml.bundle import Bundle
from tests.serving.browser.conftest import Shop, Visitor, opened

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Route


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


def test_markup_in_an_item_s_name_stays_text(visitor: Visitor) -> None:
    name = '<img src=x onerror="window.isHurt = true"><script>window.isHurt = true</script>'
    visitor.fill_basket()
    visitor.page.evaluate("name => tactful('event', 'view_item', { items: [{ item_name: name }] })", name)
    visitor.leave()
    pop_up = visitor.page.get_by_role("dialog")

    assert name in pop_up.get_by_role("paragraph").first.inner_text()
    assert pop_up.locator("img, script").count() == 0
    assert visitor.page.evaluate("window.isHurt") is None


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
