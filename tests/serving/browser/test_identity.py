"""Whom the script takes a visitor for, beside Google's tag and where consent is asked for."""

from typing import TYPE_CHECKING

import pytest

from tests.serving.browser.conftest import MODEL, Visitor

if TYPE_CHECKING:
    pass


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


def test_a_page_without_a_template_has_a_plain_pop_up_whose_answer_reaches_google_s_tag(visitor: Visitor) -> None:
    visitor.context.add_init_script("window.gtag = function () { dataLayer.push(arguments); };")
    page = visitor.come("?item=mug")
    page.evaluate("for (const template of document.querySelectorAll('template')) template.remove()")
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
