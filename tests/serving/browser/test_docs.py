"""The page /docs in a real browser: what it says of keys, of models and of answers."""

from typing import TYPE_CHECKING

import pytest

from tests.serving.browser.conftest import Shop

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page


@pytest.fixture
def page(browser: "Browser", shop: Shop) -> "Page":
    page = browser.new_context().new_page()
    page.goto(f"{shop.origin}/docs")
    page.wait_for_selector("#Decision")
    return page


def test_each_route_names_the_header_of_its_key_and_the_scope(page: "Page") -> None:
    (told,) = page.locator("section", has_text="POST/v1/sessions/{session}/events").all_inner_texts()
    assert "Authorization *\theader\tBearer tac_...: a key with the scope live" in told
    (told,) = page.locator("section", has_text="GET/healthz").all_inner_texts()
    assert "No key is needed." in told


def test_fields_are_described_and_models_named(page: "Page") -> None:
    assert 'model\t"popup_behaviour" or "popup_profile"\tWhose champion decides' in page.inner_text("#DecideRequest")
    assert "stale *\tlist of string\tFeature views whose row" in page.inner_text("#Decision")


def test_what_stands_between_backticks_is_code(page: "Page") -> None:
    assert "`" not in page.inner_text("body")
    assert page.locator("#Decision code", has_text="nothing").count() == 1
