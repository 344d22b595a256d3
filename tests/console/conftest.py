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

    def sign_in(self, login: str = "dora", at: str = "", **options: Any) -> Page:
        """A browser in which that person signed in, at one of the seller's pages, by default the first: in the session
        that they have, if any."""
        page = self.open(**options)
        wanted = self.address(at) if at else f"{self.server.base}/console"
        page.context.add_cookies(self.server.sessions.get(login, []))
        page.goto(wanted)
        if "/console/sign-in" in page.url:
            self.give(page, login)
            page.wait_for_url("**/today")
            self.server.sessions[login] = page.context.cookies()
            if at:
                page.goto(wanted)
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


_AXE = Path(__file__).parents[2] / "frontend" / "node_modules" / "axe-core" / "axe.min.js"
_RUN = """rules => axe.run(rules ? {runOnly: {type: 'rule', values: rules}} : {}).then(
    told => told.violations.flatMap(one => one.nodes.map(node => one.id + ' ' + node.html.slice(0, 120))))"""


def examine(page: Page, *, narrow: bool = False) -> None:
    """No rule that axe can check is broken, in light and, as far as it depends on colours, in dark.

    `narrow` says that nothing is wider than a phone's screen, either."""
    assert _AXE.is_file(), "axe comes with the front end's packages; run: make console"
    page.evaluate(_AXE.read_text())
    for scheme, rules in (("light", None), ("dark", ["color-contrast", "link-in-text-block"])):
        page.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]
        assert page.evaluate(_RUN, rules) == [], f"{page.url}, {scheme}"
    page.emulate_media(color_scheme="light")
    if narrow:
        size = page.viewport_size
        page.set_viewport_size({"width": 360, "height": 700})
        assert page.evaluate("document.documentElement.scrollWidth") <= 360, page.url
        page.set_viewport_size(size or {"width": 1400, "height": 900})
