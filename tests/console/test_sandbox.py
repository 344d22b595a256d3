"""The sandbox's page: the clock moved, faults that happen, snapshots kept and put back."""

from collections.abc import Iterator
from contextlib import ExitStack
from typing import Any

import pytest
from playwright.sync_api import Browser, expect

from fieldserve.client import Services
from fieldserve.client.exceptions import SellingApiRequestThrottledException
from tests.console.conftest import OTHER_SELLER, Console, examine, let_people_in
from tests.official.running import SELLER, RunningServer, running

PAGE = "developers/sandbox"


@pytest.fixture(scope="module")
def sandbox_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServer]:
    """A dynamic sandbox, with people."""
    with running(tmp_path_factory.mktemp("sandbox") / "data", sandbox="dynamic") as server:
        let_people_in(server)
        yield server


@pytest.fixture
def desk(sandbox_server: RunningServer, browser: Browser) -> Iterator[Console]:
    """Its console; a test fails if a page complained."""
    with ExitStack() as at_end:
        console = Console(sandbox_server, browser, at_end)
        yield console
        assert console.complaints == []
    sandbox_server.operator.request("DELETE", f"{sandbox_server.base}/sandbox/v1/faults").raise_for_status()


def clock(desk: Console) -> dict[str, Any]:
    """What the sandbox's clock says."""
    told: dict[str, Any] = desk.server.operator.get(f"{desk.server.base}/sandbox/v1").json()["clock"]
    return told


def test_clock(desk: Console) -> None:
    """Stopped and set, by mouse; moved on a week: whoever moves it stays signed in. Then it runs, by keyboard."""
    page = desk.sign_in("dev", at=PAGE)
    page.get_by_role("button", name="Stop it").click()
    expect(page.locator("main")).to_contain_text("stands still")
    page.fill('input[name="at"]', "2027-03-01T15:00")
    page.get_by_role("button", name="Set the clock").click()
    expect(page.locator("main")).to_contain_text("Mon, Mar 1, 3:00 PM UTC")
    page.get_by_role("button", name="+ 1 week").click()
    expect(page.locator("main")).to_contain_text("Mon, Mar 8, 3:00 PM UTC")
    assert clock(desk) == {"now": "2027-03-08T15:00:00Z", "frozen": True}
    page.wait_for_load_state()
    page.keyboard.press("f")
    expect(page.locator("main")).to_contain_text("runs")
    assert not clock(desk)["frozen"]


def test_faults(desk: Console) -> None:
    """The next request of an operation is throttled, which is told its seller alone; another fault is taken back."""
    page = desk.sign_in("dev", at=PAGE)
    page.select_option('select[name="kind"]', "429")
    page.select_option('select[name="operation"]', "getServiceJobs")
    page.get_by_role("button", name="Let it happen").click()
    waiting = page.get_by_role("region", name="Faults that wait")
    expect(waiting).to_contain_text("getServiceJobs · this seller · 1 more time")
    server = desk.server
    who = {
        "lwa_app_id": server.client_id,
        "lwa_client_secret": server.client_secret,
        "refresh_token": server.refresh_token,
    }
    services = Services(credentials=who, endpoint=server.base, token_endpoint=f"{server.base}/auth/o2/token", retries=0)
    with pytest.raises(SellingApiRequestThrottledException):
        services.get_service_jobs(marketplaceIds=["ATVPDKIKX0DER"], createdAfter="2020-01-01T00:00:00Z")
    services.get_service_jobs(marketplaceIds=["ATVPDKIKX0DER"], createdAfter="2020-01-01T00:00:00Z")
    page.reload()
    expect(page.locator("main")).to_contain_text("None. Every request is carried out.")
    hit = page.get_by_role("region", name="Faults that happened").get_by_role("listitem")
    expect(hit).to_have_count(1)
    expect(hit).to_contain_text("getServiceJobs 429: answered 429, not carried out")
    page.fill('input[name="times"]', "")
    page.get_by_role("button", name="Let it happen").click()
    expect(waiting).to_contain_text("until it is taken back")
    page.get_by_role("button", name="Take back").click()
    expect(page.locator("main")).to_contain_text("None. Every request is carried out.")
    others = desk.sign_in("zoe").request.get(desk.address(PAGE, OTHER_SELLER)).text()
    assert "No request has met one yet." in others


def test_snapshots(desk: Console) -> None:
    """What was done after a snapshot is gone when it is put back, which asks first."""
    before = desk.server.order()
    page = desk.sign_in("dev", at=PAGE)
    page.fill('input[name="name"]', "before")
    page.get_by_role("button", name="Keep everything").click()
    after = desk.server.order()
    page.once("dialog", lambda dialog: dialog.accept())
    page.get_by_role("button", name="Put it back").click()
    page.wait_for_load_state()
    jobs = desk.server.operator.get(f"{desk.server.base}/operator/v1/sellers/{SELLER}/jobs/{after}")
    assert jobs.status_code == 404
    assert desk.server.operate("GET", f"sellers/{SELLER}/jobs/{before}")["serviceJobId"] == before


def test_mistakes_are_told(desk: Console) -> None:
    """A sandbox without a beginning cannot return to it; the page says so."""
    page = desk.sign_in("dev", at=PAGE)
    page.once("dialog", lambda dialog: dialog.accept())
    page.get_by_role("button", name="Return to the beginning").click()
    expect(page.get_by_role("alert")).to_contain_text("no state to return to")
    desk.complaints.clear()  # the 409


def test_who_may(desk: Console) -> None:
    """Dispatchers have no page of it, nor has anybody one of another seller's."""
    assert desk.sign_in("dora").request.get(desk.address(PAGE)).status == 403
    assert desk.sign_in("dev").request.get(desk.address(PAGE, OTHER_SELLER)).status == 404


def test_axe(desk: Console) -> None:
    """Nothing keeps anybody from using it, nor from reading it on a phone."""
    page = desk.sign_in("dev", bypass_csp=True, at=PAGE)
    examine(page, narrow=True)
