"""Takes the pictures of the console that the pages show: python docs/pictures.py CREDENTIALS

The file is a demo's credentials.json; the demo must be running. Pictures go to docs/pictures/.
"""

import json
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from playwright.sync_api import Browser, Page, sync_playwright

from tests.console import browser as chromium

FOLDER = Path(__file__).with_name("pictures")
PAGES = ("today", "board", "jobs", "capacity", "performance", "payments", "demand")
# Pages that an admin sees, by the name of their picture.
ADMINS = {
    "requests": "developers/requests",
    "applications": "developers/applications",
    "sandbox": "developers/sandbox",
    "settings": "settings/technicians",
}


def take(credentials: Path) -> None:
    """Take one picture of each page: as the demo's first dispatcher sees it, and what only an admin sees."""
    demo = json.loads(credentials.read_text())
    person = demo["people"][0]
    base = f"{demo['endpoint']}/console"
    FOLDER.mkdir(exist_ok=True)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium.find(), args=chromium.OPTIONS)
        page = browser.new_context(viewport={"width": 1280, "height": 800}, locale="en-US").new_page()
        _sign_in(page, base, person)
        for name in PAGES:
            page.goto(f"{base}/{person['seller_id']}/{name}")
            page.wait_for_timeout(500)
            page.screenshot(path=FOLDER / f"{name}.png")
        page.goto(f"{base}/{person['seller_id']}/jobs?status=COMPLETED")
        page.locator("tbody a").first.click()
        page.wait_for_selector(".story")
        page.wait_for_timeout(500)
        page.screenshot(path=FOLDER / "job.png")
        page = browser.new_context(viewport={"width": 1280, "height": 800}, locale="en-US").new_page()
        _sign_in(page, base, next(one for one in demo["people"] if one["role"] == "admin"))
        for name, path in ADMINS.items():
            page.goto(f"{base}/{person['seller_id']}/{path}")
            page.wait_for_timeout(500)
            page.screenshot(path=FOLDER / f"{name}.png")
        _take_my_day(browser, demo, base)
        browser.close()


def _take_my_day(browser: Browser, demo: dict[str, Any], base: str) -> None:
    """A technician's phone, on a morning: by the evening there is nothing left to do."""
    clock = f"{demo['endpoint']}/sandbox/v1/clock"
    phone = browser.new_context(viewport={"width": 390, "height": 844}, locale="en-US", is_mobile=True, has_touch=True)
    page = phone.new_page()
    driver = next(one for one in demo["people"] if one["role"] == "technician")
    for days in range(1, 8):  # the next day on which they have something to do
        day = datetime.now(UTC).date() + timedelta(days=days)
        page.request.post(f"{clock}/freeze", data={"at": f"{day}T15:10:00Z"})
        phone.clear_cookies()
        _sign_in(page, base, driver)
        page.wait_for_selector("[data-state=ready]")
        if page.locator("[data-deed=start]").count():
            break
    page.locator("[data-deed=start]").first.tap()
    page.wait_for_selector("#outbox[hidden]", state="attached")
    page.wait_for_timeout(1000)
    page.screenshot(path=FOLDER / "my-day.png")
    page.request.post(f"{clock}/set", data={"at": datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")})
    page.request.post(f"{clock}/thaw")


def _sign_in(page: Page, base: str, person: dict[str, str]) -> None:
    page.goto(base)
    page.fill("#login", person["login"])
    page.fill("#password", person["password"])
    page.click("button.main")
    page.wait_for_load_state()


if __name__ == "__main__":
    take(Path(sys.argv[1]))
