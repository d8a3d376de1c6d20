"""Campaigns in a page: a notification, and a line in the page's own place, beside the pop-up."""

from collections.abc import Iterator
from datetime import UTC, datetime

import pytest

from ml.bundle import Bundle
from serving.client_store import ClientStore
from tests.serving.browser.conftest import Shop, Visitor, opened

CAMPAIGNS = [
    {"name": "basket", "channel": "notification", "value": 9, "when": {"baskets": {"at_least": 2, "at_most": 2}}},
    {"name": "delivery", "channel": "embed", "threshold": 0, "when": {"baskets": {"at_most": 1}}},
    {"name": "other", "channel": "pop_up"},
]


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory, basket_fan: Bundle) -> Iterator[Shop]:
    """A shop that leaves nobody without a campaign."""
    home = tmp_path_factory.mktemp("home")
    store = ClientStore(f"sqlite:///{home}/decisions/clients.db")
    store.set("demo", {"campaigns": CAMPAIGNS}, "a test", datetime.now(UTC))
    with opened(home, basket_fan) as shop:
        yield shop


def became(visitor: Visitor) -> list[str]:
    return sorted(visitor.shop.became(visitor.asked()["answer"]["decision_id"]))


def test_a_notification_takes_no_focus_and_is_closed_by_its_button(visitor: Visitor) -> None:
    visitor.fill_basket()
    page, button = visitor.page, visitor.page.get_by_role("button", name="Add to basket")
    button.focus()
    visitor.leave()
    notification = page.get_by_role("status")
    notification.get_by_text("Still thinking about the Oak Lamp?").wait_for()

    assert button.evaluate("button => button === document.activeElement")
    assert page.get_by_role("dialog").count() == 0
    # the page goes on
    page.get_by_role("link", name="All things").first.click(trial=True)
    visitor.until_told("shown")
    notification.get_by_role("button", name="Close").click()
    visitor.until_told("closed")
    assert notification.count() == 0
    assert became(visitor) == ["closed", "shown"]
    ((campaign, channel),) = visitor.shop.query(
        "select campaign, channel from decisions where decision_id = ?", visitor.asked()["answer"]["decision_id"]
    )
    assert (campaign, channel) == ("basket", "notification")


def test_a_link_in_a_notification_is_a_click(visitor: Visitor) -> None:
    visitor.fill_basket()
    visitor.leave()
    link = visitor.page.get_by_role("link", name="See the basket")
    link.evaluate("link => link.addEventListener('click', clicked => clicked.preventDefault())")
    link.click()
    visitor.until_told("clicked")
    assert became(visitor) == ["clicked", "shown"]


def test_a_form_in_a_notification_is_a_conversion_and_ends_it(visitor: Visitor) -> None:
    visitor.fill_basket()
    visitor.page.evaluate(
        "document.querySelector('[data-tactful=basket]').content.replaceChildren("
        "...document.querySelector('[data-tactful=\"\"]').content.cloneNode(true).children)"
    )
    visitor.leave()
    notification = visitor.page.get_by_role("status")
    notification.get_by_label("E-mail").fill("visitor@example.org")
    notification.get_by_role("button", name="Send me the code").click()
    visitor.until_told("converted")
    assert notification.count() == 0
    assert became(visitor) == ["converted", "shown"]


def test_an_embed_fills_the_page_s_own_place_for_it(visitor: Visitor) -> None:
    page = visitor.come("?item=mug")
    visitor.leave()
    embed = page.locator("[data-tactful-embed]")
    embed.get_by_text("Delivery is free").wait_for()
    visitor.until_told("shown")

    assert page.get_by_role("dialog").count() == page.get_by_role("status").count() == 0
    assert became(visitor) == ["shown"]


def test_a_page_without_a_place_for_an_embed_shows_none_and_tells_nobody(visitor: Visitor) -> None:
    page = visitor.come("?item=mug")
    page.evaluate("document.querySelector('[data-tactful-embed]').remove()")
    visitor.leave()
    answer = visitor.asked()["answer"]
    page.evaluate("tactful('event', 'purchase')")
    visitor.until("heard.at(-1).body?.events?.some(({ event_name }) => event_name === 'purchase')")

    assert (answer["campaign"], answer["channel"]) == ("delivery", "embed")
    assert page.get_by_text("Delivery is free").count() == 0
    assert became(visitor) == []


def test_a_campaign_without_a_template_of_its_own_has_that_of_any_other(visitor: Visitor) -> None:
    for _ in range(2):
        visitor.fill_basket()
    visitor.leave()
    visitor.page.get_by_role("dialog", name="Before you go").get_by_label("E-mail").wait_for()
    assert visitor.asked()["answer"]["campaign"] == "other"


@pytest.mark.parametrize(("channel", "place"), [("notification", "[role=status]"), ("embed", "[data-tactful-embed]")])
def test_a_page_without_templates_shows_plain_text_in_every_channel(visitor: Visitor, channel: str, place: str) -> None:
    page = visitor.come()
    page.evaluate("for (const template of document.querySelectorAll('template')) template.remove()")
    page.evaluate("channel => tactful('preview', { channel })", channel)
    page.locator(place).get_by_text("Still thinking about Stoneware Mug?").wait_for()
    assert page.get_by_role("heading", name="Before you go").count() == 0
