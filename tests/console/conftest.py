"""A server of its own process, people who use its console, and a browser to use it with."""

from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx2
import pytest
from filelock import FileLock
from playwright.sync_api import Browser, Page, expect, sync_playwright

from tests.console import browser as chromium
from tests.official.running import SELLER, RunningServer, running

PASSWORD = "correct horse battery"
OTHER_SELLER = "A2SELLER"
expect.set_options(timeout=15_000)  # a machine may be busy with other tests


@dataclass
class Console:
    """The server, and pages that people who signed in look at. `complaints` are what a browser's console said."""

    server: RunningServer
    browser: Browser
    at_end: ExitStack
    complaints: list[str] = field(default_factory=list)

    def address(self, path: str, seller: str = SELLER) -> str:
        """The URL of one of the seller's pages."""
        return f"{self.server.base}/console/{seller}/{path}"

    def by_hand(self) -> httpx2.Client:
        """Somebody who sends requests without a browser, and follows nothing."""
        return self.at_end.enter_context(httpx2.Client(base_url=self.server.base, follow_redirects=False))

    def open(self, **options: Any) -> Page:
        """A browser that nobody has signed in with."""
        context = self.browser.new_context(**{"viewport": {"width": 1400, "height": 900}, **options})
        self.at_end.callback(context.close)
        page = context.new_page()
        page.set_default_timeout(15_000)
        page.on("console", lambda said: self.complaints.append(said.text) if said.type == "error" else None)
        page.on("pageerror", lambda fault: self.complaints.append(str(fault)))
        return page

    def sign_in(self, login: str = "dora", **options: Any) -> Page:
        """A browser in which that person signed in, on their first page."""
        page = self.open(**options)
        self.give(page, login)
        page.wait_for_url("**/today")
        return page

    def give(self, page: Page, login: str, password: str = PASSWORD) -> None:
        """Give a login and a password to the page that asks for them."""
        page.goto(f"{self.server.base}/console/sign-in")
        page.fill("#login", login)
        page.fill("#password", password)
        page.click("button.main")


def let_people_in(server: RunningServer) -> None:
    """Dispatchers Dora and Carl, an analyst, a developer, an admin, and people of elsewhere."""
    server.operate("POST", "sellers", {"sellerId": OTHER_SELLER, "name": "Other", "marketplaceIds": ["ATVPDKIKX0DER"]})
    for login, role, seller in (
        ("dora", "dispatcher", SELLER),
        ("carl", "dispatcher", SELLER),
        ("anne", "analyst", SELLER),
        ("dev", "developer", SELLER),
        ("ada", "admin", SELLER),
        ("zoe", "admin", OTHER_SELLER),
        ("ops", "admin", None),
    ):
        person = {"login": login, "name": login.title(), "role": role, "password": PASSWORD}
        server.operate("POST", "users", person | ({"sellerId": seller} if seller else {}))


@pytest.fixture(scope="session")
def console_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServer]:
    """A server with people who use its console."""
    with running(tmp_path_factory.mktemp("console") / "data") as server:
        let_people_in(server)
        yield server


# Playwright keeps an event loop running while it is there, and other files' tests start loops of their own.
@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    """Chromium, started once for each file of tests."""
    with FileLock(tmp_path_factory.getbasetemp().parent / "chromium.lock"):
        path = chromium.find()
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=chromium.OPTIONS)
        yield browser
        browser.close()


@pytest.fixture
def console(console_server: RunningServer, browser: Browser) -> Iterator[Console]:
    """The console; a test fails if a page complained."""
    with ExitStack() as at_end:
        console = Console(console_server, browser, at_end)
        yield console
        assert console.complaints == []


@pytest.fixture
def axe() -> str:
    """The source of axe, which says what keeps people from using a page."""
    source = Path(__file__).parents[2] / "frontend" / "node_modules" / "axe-core" / "axe.min.js"
    assert source.is_file(), "axe comes with the front end's packages; run: make console"
    return source.read_text()
