"""Takes the pictures of the console that the pages show: python docs/pictures.py CREDENTIALS

The file is a demo's credentials.json; the demo must be running with FIELDSERVE_WEBHOOK_TARGETS=any, so that a webhook
may lead here. Pictures go to docs/pictures/.
"""

import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from io import BytesIO
from pathlib import Path
from threading import Thread
from typing import Any

import httpx2
from PIL import Image
from playwright.sync_api import Browser, Page, sync_playwright

from tests.console import browser as chromium

_GRANT = ("client_id", "client_secret", "refresh_token")
FOLDER = Path(__file__).with_name("pictures")
PAGES = ("today", "board", "jobs", "capacity", "performance", "payments", "demand")
# Pages that an admin sees, by the name of their picture.
ADMINS = {
    "requests": "developers/requests",
    "lint": "developers/lint",
    "applications": "developers/applications",
    "try": "developers/try",
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
        page = dispatcher = browser.new_context(viewport={"width": 1280, "height": 800}, locale="en-US").new_page()
        page.goto(base)
        page.wait_for_load_state()
        _keep(page, "sign-in")
        _sign_in(page, base, person)
        page.goto(f"{base}/account")
        page.wait_for_load_state()
        _keep(page, "account")
        for name in PAGES:
            page.goto(f"{base}/{person['seller_id']}/{name}")
            page.wait_for_timeout(500)
            _keep(page, name)
        page.goto(f"{base}/{person['seller_id']}/jobs?status=COMPLETED")
        page.locator("tbody a").first.click()
        page.wait_for_selector(".story")
        page.wait_for_timeout(500)
        _keep(page, "job")
        page = browser.new_context(viewport={"width": 1280, "height": 800}, locale="en-US").new_page()
        _sign_in(page, base, next(one for one in demo["people"] if one["role"] == "admin"))
        _ask(demo)
        page.wait_for_timeout(1000)  # the log is written behind
        for name, path in ADMINS.items():
            page.goto(f"{base}/{person['seller_id']}/{path}")
            page.wait_for_timeout(500)
            _keep(page, name)
        _take_sandbox(page, demo["endpoint"], f"{base}/{person['seller_id']}")
        with _receiver() as url:
            _take_routes_and_webhooks(dispatcher, page, f"{base}/{person['seller_id']}", url)
        _take_my_day(browser, demo, base)
        browser.close()


def _ask(demo: dict[str, Any]) -> None:
    """What a program asks for that its developers are still at: something of it has to be mended."""
    account = next(one for one in demo["accounts"] if one["seller_id"] == demo["people"][0]["seller_id"])
    form = {"grant_type": "refresh_token", **{name: account[name] for name in _GRANT}}
    with httpx2.Client(base_url=demo["endpoint"], headers={"user-agent": "Planner/1.0 (Language=Python)"}) as program:
        token = program.post(demo["token_endpoint"], data=form).json()["access_token"]
        program.headers["x-amz-access-token"] = token
        since = {"marketplaceIds": account["marketplace_id"], "createdAfter": "2020-01-01T00:00:00Z", "pageSize": "3"}
        jobs = program.get("/service/v1/serviceJobs", params=since).json()["payload"]["jobs"]
        for job in jobs:
            program.get(f"/service/v1/serviceJobs/{job['serviceJobId']}")
        program.get(f"/service/v1/serviceJobs/{jobs[0]['serviceJobId']}/appointmentSlots")
        program.get("/service/v1/serviceJobs", params={"MarketplaceIds": account["marketplace_id"]})
        program.get("/service/v1/serviceJobs/unknown-1")


def _keep(page: Page, name: str) -> None:
    """Keep what the page looks like, in the 256 colours that it has most of: it is a third as large then."""
    with Image.open(BytesIO(page.screenshot())) as picture:
        whole = picture.convert("RGB")
    counted = sorted(whole.getcolors(whole.width * whole.height) or [], reverse=True)[:256]
    palette = Image.new("P", (1, 1))
    palette.putpalette([part for _, colour in counted for part in colour])  # type: ignore[union-attr]
    whole.quantize(palette=palette, dither=Image.Dither.NONE).save(FOLDER / f"{name}.png", optimize=True)


class _Receiver(BaseHTTPRequestHandler):
    """Takes messages, but is away for one of four."""

    count = 0

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["content-length"]))
        _Receiver.count += 1
        self.send_response(503 if _Receiver.count % 4 == 3 else 204)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Nothing on standard error."""


@contextmanager
def _receiver() -> Iterator[str]:
    with ThreadingHTTPServer(("127.0.0.1", 0), _Receiver) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_address[1]}/services-events"
        server.shutdown()


def _take_sandbox(page: Page, endpoint: str, seller: str) -> None:
    """A fault that happened, and one that waits; in the end none does."""
    faults = f"{endpoint}/sandbox/v1/faults"
    page.request.post(faults, data={"kind": "503", "operation": "token"})
    page.request.post(f"{endpoint}/auth/o2/token")
    page.request.post(faults, data={"kind": "429", "operation": "getServiceJobs", "times": 3})
    page.goto(f"{seller}/developers/sandbox")
    page.wait_for_timeout(500)
    _keep(page, "sandbox")
    page.request.delete(faults)


def _take_routes_and_webhooks(page: Page, admin: Page, seller: str, url: str) -> None:
    """A plan of the first store, the plan beside the board, and what a webhook heard when it was applied; in the end
    all is as it was."""
    admin.goto(f"{seller}/developers/webhooks/new")
    admin.get_by_label("URL").fill(url)
    admin.get_by_label("URL").press("Enter")
    admin.wait_for_selector("#secret")
    page.goto(f"{seller}/plans")
    page.locator("[name=store]").select_option(index=1)
    page.get_by_role("button", name="Plan").click()
    page.wait_for_selector(".map")
    page.locator("main li.deed").first.hover()
    _keep(page, "routes")
    planned = page.url
    page.get_by_role("button", name="Compare").click()
    page.wait_for_selector(".pair")
    _keep(page, "compare")
    page.goto(planned)
    page.get_by_role("button", name="Apply").click()
    page.get_by_role("button", name="Undo").wait_for()
    page.wait_for_timeout(3000)  # what is told is on its way
    admin.goto(f"{seller}/developers/webhooks")
    admin.locator("tbody a").first.click()
    admin.get_by_role("link", name="Look again").click()
    admin.wait_for_timeout(500)
    _keep(admin, "webhooks")
    admin.on("dialog", lambda dialog: dialog.accept())
    admin.get_by_role("button", name="Delete").click()
    admin.wait_for_url("**/webhooks")
    page.get_by_role("button", name="Undo").click()
    page.wait_for_load_state()


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
        if page.locator("[data-deed=start]:visible").count():
            break
    page.locator("[data-deed=start]:visible").first.tap()
    page.wait_for_selector("#outbox[hidden]", state="attached")
    page.wait_for_timeout(1000)
    _keep(page, "my-day")
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
