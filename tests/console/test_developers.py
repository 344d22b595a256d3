"""The pages for developers: the request log and webhooks, on a dynamic sandbox of their own."""

from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import ClassVar

import httpx2
import pytest
from playwright.sync_api import expect
from standardwebhooks import Webhook

from tests.console.conftest import OTHER_SELLER, Console, examine, let_people_in
from tests.official.running import SELLER, US, RunningServer, running


@pytest.fixture(scope="module")
def console_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServer]:
    """A dynamic sandbox, which keeps requests, with the same people as elsewhere."""
    folder = tmp_path_factory.mktemp("sandbox") / "data"
    with running(folder, "--sandbox", "dynamic", webhook_targets="any") as server:
        let_people_in(server)
        yield server


def token_of(server: RunningServer) -> str:
    """An access token of the seller's program."""
    form = {
        "grant_type": "refresh_token",
        "client_id": server.client_id,
        "client_secret": server.client_secret,
        "refresh_token": server.refresh_token,
    }
    token: str = httpx2.post(f"{server.base}/auth/o2/token", data=form).json()["access_token"]
    return token


def ask(console: Console, path: str, **query: str) -> str:
    """Ask the API about something as the seller's program does; answers the id of the request, which the log has."""
    headers = {"x-amz-access-token": token_of(console.server), "user-agent": "Planner/1.0 (Language=Python)"}
    answer = httpx2.get(f"{console.server.base}/service/v1/{path}", params=query, headers=headers)
    request_id: str = answer.headers["x-amzn-requestid"]
    while not console.server.operate("GET", f"requests?requestId={request_id}")["requests"]:
        pass  # written half a second later
    return request_id


class TestRequests:
    def test_as_csv(self, console: Console) -> None:
        """What the list shows, as CSV: filtered as it is."""
        request_id = ask(console, "serviceJobs/no-such-job-anywhere")
        page = console.sign_in("dev", at="developers/requests?q=no-such-job-anywhere")
        with page.expect_download() as told:
            page.get_by_role("link", name="CSV").click()
        heading, *rows = told.value.path().read_text().splitlines()
        assert heading.startswith("at,requestId,operationId")
        assert [request_id in row and ",404," in row for row in rows] == [True]

    @pytest.mark.parametrize("login", ["dora", "anne"])
    def test_role_that_may_not(self, console: Console, login: str) -> None:
        """Whoever does not develop does not see the pages, and cannot open them."""
        page = console.sign_in(login)
        expect(page.get_by_role("link", name="Developers")).to_have_count(0)
        answer = page.goto(console.address("developers/requests"))
        assert answer is not None
        assert answer.status == 403
        console.complaints.clear()  # the 403

    def test_other_seller(self, console: Console) -> None:
        """Another seller's people see neither the list nor the request."""
        request_id = ask(console, "serviceJobs/nothing-like-this")
        page = console.open()
        console.give(page, "zoe")
        page.wait_for_url("**/today")
        page.goto(console.address("developers/requests", OTHER_SELLER))
        expect(page.locator("tbody tr")).to_have_count(0)
        for address in (
            console.address(f"developers/requests?q={request_id}", OTHER_SELLER),
            console.address(f"developers/requests/{request_id}", OTHER_SELLER),
            console.address(f"developers/requests/{request_id}"),
        ):
            page.goto(address)
            assert "nothing-like-this" not in page.content()
        console.complaints.clear()  # the 404s

    def test_search_and_replay(self, console: Console) -> None:
        """By keyboard: find a request by its id, read it with its answer and what lint says, and copy it."""
        request_id = ask(console, "serviceJobs", MarketplaceIds=US)
        page = console.sign_in("dev", permissions=["clipboard-read", "clipboard-write"])
        page.keyboard.press("g")
        page.keyboard.press("v")
        page.wait_for_url("**/developers/requests")
        page.keyboard.press("/")
        # As pasted: on a busy machine keys come too slowly, and the list is sent for after the first.
        page.keyboard.insert_text(request_id)
        page.wait_for_url(f"**q={request_id}**")
        page.locator("tbody a").focus()
        page.keyboard.press("Enter")
        page.wait_for_url(f"**/requests/{request_id}")
        expect(page.locator("h2.one .status")).to_have_text("400")
        expect(page.locator(".finding").filter(has_text="marketplaceIds").first).to_be_visible()
        page.keyboard.press("c")
        expect(page.get_by_role("button", name="Copied")).to_be_visible()
        told = page.evaluate("navigator.clipboard.readText()")
        assert told.startswith("curl")
        assert "MarketplaceIds" in told
        assert "Atza" not in page.content()

    def test_filter_and_lint(self, console: Console) -> None:
        """Filters stand in the address; lint gathers what is to be mended, and leads to where it was."""
        ask(console, "serviceJobs/unknown-1")
        ask(console, "serviceJobs", MarketplaceIds=US)
        page = console.sign_in("dev", at="developers/requests")
        page.get_by_label("Operation").select_option("getServiceJobs")
        page.wait_for_url("**operation=getServiceJobs**")
        assert "unknown-1" not in page.inner_text("tbody")
        page.goto(console.address("developers/lint"))
        page.locator(".finding a").first.click()
        page.wait_for_url("**/developers/requests/*")

    def test_bad_time(self, console: Console) -> None:
        """A time that is none is told."""
        page = console.sign_in("dev", at="developers/requests?since=yesterday")
        expect(page.get_by_role("alert")).to_be_visible()


class Hook(BaseHTTPRequestHandler):
    """A receiver that refuses messages as long as it is told to, and keeps the others."""

    refuses = True
    got: ClassVar[list[tuple[dict[str, str], bytes]]] = []

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["content-length"]))
        if not Hook.refuses:
            Hook.got.append(({name.lower(): value for name, value in self.headers.items()}, body))
        # 410: the receiver says that it wants nothing more, which stops the webhook at once.
        self.send_response(410 if Hook.refuses else 204)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Nothing on standard error."""


@pytest.fixture
def hook() -> Iterator[str]:
    """The address of a receiver."""
    Hook.refuses, Hook.got = True, []
    with ThreadingHTTPServer(("127.0.0.1", 0), Hook) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_address[1]}/hook"
        server.shutdown()


class TestWebhooks:
    def test_from_adding_to_dead_letters(self, console: Console, hook: str) -> None:
        """Added by keyboard, tested, refused, started again, its dead letter sent again and verified, deleted."""
        page = console.sign_in("dev", at="developers")
        page.keyboard.press("3")
        page.wait_for_url("**/developers/webhooks")
        page.keyboard.press("n")
        page.get_by_label("URL").fill("ftp://127.0.0.1")
        page.get_by_label("job.completed").check()
        page.get_by_role("button", name="Add a webhook").click()
        expect(page.get_by_role("alert")).to_contain_text("https://")
        page.get_by_label("URL").fill(hook)
        page.get_by_label("URL").press("Enter")
        secret = page.locator("#secret").inner_text()
        assert secret.startswith("whsec_")
        page.get_by_role("link", name="Webhooks").last.click()
        page.get_by_role("link", name=hook).click()
        assert secret not in page.content()
        page.keyboard.press("t")
        row = page.locator("tbody tr")
        row.wait_for()
        while "Dead" not in row.inner_text():
            page.keyboard.press("r")
            page.wait_for_load_state()
        expect(row.locator(".status")).to_have_text("Dead")
        expect(row).to_contain_text("410")
        expect(page.locator("main")).to_contain_text("stopped")
        Hook.refuses = False
        page.get_by_text("Change", exact=True).first.click()
        page.get_by_label("Messages are sent").check()
        page.get_by_role("button", name="Save").click()
        expect(page.get_by_role("status").filter(has_text="Saved.")).to_be_visible()
        page.keyboard.press("d")
        while "Delivered" not in row.inner_text():
            page.keyboard.press("r")
            page.wait_for_load_state()
        expect(row).to_contain_text("204")
        headers, body = Hook.got[0]
        assert Webhook(secret).verify(body, headers)["type"] == "webhook.ping"
        page.on("dialog", lambda dialog: dialog.accept())
        page.get_by_role("button", name="New secret").click()
        expect(page.locator("#secret")).not_to_have_text(secret)
        page.get_by_role("button", name="Delete").click()
        page.wait_for_url("**/developers/webhooks")
        assert hook not in page.content()
        console.complaints.clear()  # the 400

    def test_other_seller(self, console: Console, hook: str) -> None:
        """A webhook of one seller is not there for another, under whose address ever."""
        made = console.server.operate("POST", f"sellers/{SELLER}/webhooks", {"url": hook})
        page = console.open()
        console.give(page, "zoe")
        page.wait_for_url("**/today")
        for seller in (SELLER, OTHER_SELLER):
            answer = page.goto(console.address(f"developers/webhooks/{made['webhook']['webhookId']}", seller))
            assert answer is not None
            assert answer.status == 404
        console.complaints.clear()  # the 404s


class TestEveryPage:
    def test_axe_finds_nothing(self, console: Console) -> None:
        """No rule of WCAG 2.2 AA that a machine can check is broken; on a phone nothing is wider than the screen."""
        request_id = ask(console, "serviceJobs", MarketplaceIds=US)
        page = console.sign_in("dev", bypass_csp=True)
        made = console.server.operate("POST", f"sellers/{SELLER}/webhooks", {"url": "http://127.0.0.1:9/"})
        webhook = f"webhooks/{made['webhook']['webhookId']}"
        console.server.operate("POST", f"sellers/{SELLER}/{webhook}/ping")
        for path in ("requests", f"requests/{request_id}", "lint", "webhooks", webhook, "webhooks/new"):
            page.goto(console.address(f"developers/{path}"))
            examine(page, narrow=True)
