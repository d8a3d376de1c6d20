"""Pictures of what `make ui` shows, taken with headless Chromium while it runs: `make screenshots`."""

import sys
from pathlib import Path

from playwright.sync_api import Page, sync_playwright

from tactful import settings as tactful_settings

PICTURES = Path(__file__).parent / "pictures"
CHROMIUM = "/usr/bin/chromium"


def main() -> int:
    """Take all pictures; needs a run, `make ui`, and Debian's package chromium."""
    settings = tactful_settings.load()
    ports = (settings.dagster_port, settings.mlflow_port, settings.reports_port, settings.decision_port)
    dagster, mlflow, reports, decisions = (f"http://127.0.0.1:{port}" for port in ports)
    PICTURES.mkdir(exist_ok=True)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox", "--disable-gpu"])
        page = browser.new_page(viewport={"width": 1500, "height": 950})
        _take(page, f"{dagster}/asset-groups", "dagster_assets", wait=6_000)
        _take(page, f"{dagster}/locations/tactful/asset-groups/models/lineage", "dagster_models", wait=9_000)
        _take(page, f"{mlflow}/#/models/popup_behaviour/versions/1", "mlflow_version", wait=6_000)
        _take(page, f"{reports}/drift/evidently.html", "drift", wait=5_000)
        _take(page, f"{reports}/expectations/user_features.html", "expectations", wait=1_000)
        _take_shop(browser.new_page(viewport={"width": 1200, "height": 640}), f"{decisions}/demo")
        browser.close()
    return 0


def _take(page: Page, address: str, name: str, wait: int) -> None:
    page.goto(address)
    page.wait_for_timeout(wait)
    if "MLflow Assistant" in page.content():
        page.get_by_label("Close", exact=True).first.click()
        page.wait_for_timeout(1_000)
    page.screenshot(path=PICTURES / f"{name}.png")


def _take_shop(page: Page, address: str) -> None:
    """A visitor with two things in the basket, whom the champion of the default run shows the pop-up."""
    page.goto(address)
    page.get_by_role("link", name="Oak Lamp").click()
    for _ in range(2):
        page.get_by_role("button", name="Add to basket").click()
    page.mouse.move(300, 300)
    page.mouse.move(300, -1)
    page.get_by_role("dialog").wait_for()
    page.get_by_text("on record").first.wait_for()
    page.screenshot(path=PICTURES / "shop_popup.png")


if __name__ == "__main__":
    sys.exit(main())
