"""Performance, Payments and Demand in a real browser: drawn, read as tables, exported, and another schedule tried."""

import csv
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.console.conftest import OTHER_SELLER, PASSWORD, Console, examine
from tests.official.running import ANN, SELLER, RunningServer, running

PAGES = ("performance", "payments", "demand")


@pytest.fixture(scope="module")
def measured(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServer]:
    """A server on which something happened: one visit is booked, one job was given up."""
    with running(tmp_path_factory.mktemp("measured") / "data") as server:
        for login, role in (("dora", "dispatcher"), ("anne", "analyst"), ("dev", "developer")):
            person = {"login": login, "name": login, "role": role, "sellerId": SELLER, "password": PASSWORD}
            server.operate("POST", "users", person)
        wanted = [{"startTime": server.hour(10).isoformat(), "durationInMinutes": 60}]
        server.order(preferredAppointmentTimes=wanted)
        lost = server.order(preferredAppointmentTimes=wanted)
        services = server.services()
        services.add_appointment_for_service_job_by_service_job_id(
            lost, appointmentTime={"startTime": server.hour(10).isoformat()}
        )
        server.operate("POST", f"sellers/{SELLER}/jobs/{lost}/cancel-as-buyer", {"causedBy": "BUYER"})
        yield server


@pytest.fixture
def desk(measured: RunningServer, browser: Browser) -> Iterator[Console]:
    """The console on it; a test fails if a page complained."""
    with ExitStack() as at_end:
        console = Console(measured, browser, at_end)
        yield console
        assert console.complaints == []


def is_drawn(page: Page, id: str) -> bool:
    """Whether the chart has more than one colour in it."""
    script = """id => { const canvas = document.querySelector('#' + id + ' canvas'); if (!canvas) return false;
        const data = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height).data;
        const seen = new Set();
        for (let at = 0; at < data.length; at += 4) seen.add(data[at] + ' ' + data[at + 1] + ' ' + data[at + 3]);
        return seen.size > 3; }"""
    return bool(page.evaluate(script, id))


class TestPages:
    def test_performance(self, desk: Console) -> None:
        """Targets with their goals, the weeks as a table, technicians by rank."""
        page = desk.sign_in("anne")
        page.keyboard.press("g")
        page.keyboard.press("p")
        page.wait_for_url("**/performance")
        page.goto(desk.address(f"performance?to={desk.server.hour(40).date()}"))  # until behind the visit
        expect(page.locator(".measures li").first).to_contain_text("at most 5%")
        assert is_drawn(page, "trend")
        page.locator("details.table summary").first.click()
        expect(page.locator("details table tbody tr").first).to_be_visible()

    def test_one_technician(self, desk: Console) -> None:
        """The figures of one alone, and the address holds who it is; files have the same."""
        page = desk.sign_in("anne", at="performance")
        page.locator("select[name=technician]").select_option(ANN)
        page.wait_for_url(f"**technician={ANN}**")
        assert f"technician={ANN}" in (page.get_by_role("link", name="CSV").get_attribute("href") or "")
        expect(page.locator("tbody tr.all th")).to_have_text("together")
        expect(page.get_by_role("region", name="Technicians").locator("th a")).to_have_text(["A1Ann"])

    def test_jobs_behind_a_figure(self, desk: Console) -> None:
        """A figure leads to the very jobs: one that was over, cancelled by its buyer, and so not counted."""
        page = desk.sign_in("anne", bypass_csp=True, at=f"performance?to={desk.server.hour(40).date()}")
        page.locator(".measures a").first.click()
        page.wait_for_url("**/performance/jobs?**")
        examine(page)
        expect(page.locator("tbody tr")).to_have_count(1)
        expect(page.locator("tbody td").last).to_have_text("–")
        page.locator("tbody a").click()
        page.wait_for_url("**/jobs/job-**")

    def test_payments(self, desk: Console) -> None:
        """Amounts by state in their currency: two orders of 89.90, one pending and one lost."""
        page = desk.sign_in("anne", locale="en-US", at="payments")
        expect(page.get_by_role("list", name="USD")).to_contain_text("$89.90")
        ages = page.get_by_role("list", name="Pending, by how long ago")
        expect(ages.locator("li").first).to_contain_text("$89.90")
        expect(page.get_by_role("region", name="Service")).to_contain_text("TV mounting")
        assert is_drawn(page, "weeks-USD")

    def test_demand(self, desk: Console) -> None:
        """When buyers want to come, and what another schedule would have won: nothing here, since nothing was full."""
        page = desk.sign_in("anne", locale="en-US", at="demand")
        assert is_drawn(page, "heat")
        page.get_by_label("Cost of an hour").fill("35.50")
        page.locator("#more").focus()
        page.keyboard.press("ArrowRight")
        expect(page.locator("output")).to_have_text("3")
        page.get_by_role("button", name="Replay the demand").click()
        page.wait_for_url("**more=3**")
        expect(page.locator("table tbody tr").last).to_contain_text("+0")
        expect(page.locator("table tbody tr").last).to_contain_text("$")

    def test_capacity_beside_demand(self, desk: Console) -> None:
        """A store with two technicians, open day and night, and a visit: capacity to spare, by store and by skill."""
        page = desk.sign_in("anne", at=f"demand?to={desk.server.hour(0).date()}")
        expect(page.get_by_role("region", name="Store")).to_contain_text("to spare")
        expect(page.get_by_role("region", name="Skill")).to_contain_text("TV")

    def test_a_cost_that_is_none(self, desk: Console) -> None:
        """It is told what one looks like."""
        page = desk.sign_in("anne", at="demand?more=1&opens=08:00&closes=20:00&cost=much")
        expect(page.get_by_role("alert")).to_have_text("A cost is an amount such as 35 or 35.50.")

    def test_what_is_wrong_is_said(self, desk: Console) -> None:
        """Hours that end before they begin are refused in words."""
        page = desk.sign_in("anne", at="demand?more=1&opens=12:00&closes=09:00")
        expect(page.get_by_role("alert")).to_contain_text("closes must be after opens")

    @pytest.mark.parametrize("more", ["501", "many"])
    def test_what_cannot_be_added_is_said(self, desk: Console, more: str) -> None:
        """So many technicians, or none that can be counted, are refused, not taken for longer hours."""
        page = desk.sign_in("anne", at=f"demand?more={more}&opens=08:00&closes=20:00")
        expect(page.get_by_role("alert")).to_contain_text("technicians")

    @pytest.mark.parametrize(
        "days", ["to=9999-12-31", "to=0001-01-01", "from=0001-01-01", "from=1970-01-01&to=9998-12-31"]
    )
    def test_days_at_the_ends_of_the_calendar(self, desk: Console, days: str) -> None:
        """They break no page."""
        page = desk.sign_in("anne")
        assert page.goto(desk.address(f"performance?{days}")).status == 200  # type: ignore[union-attr]

    @pytest.mark.parametrize("name", PAGES)
    def test_export(self, desk: Console, name: str, tmp_path: Path) -> None:
        """The buttons give the figures as CSV and as a workbook."""
        page = desk.sign_in("anne", at=name)
        with page.expect_download() as told:
            page.get_by_role("link", name="CSV").first.click()
        told.value.save_as(tmp_path / "sheet.csv")
        assert "metric" in next(csv.reader((tmp_path / "sheet.csv").read_text().splitlines()))
        with page.expect_download() as told:
            page.get_by_role("link", name="Excel").first.click()
        assert told.value.path().read_bytes().startswith(b"PK")
        assert told.value.suggested_filename.endswith(".xlsx")
        assert page.request.get(desk.address(f"{name}.pdf")).status == 404

    @pytest.mark.parametrize("name", PAGES)
    def test_empty_period(self, desk: Console, name: str) -> None:
        """Days on which nothing happened say so."""
        page = desk.sign_in("anne", at=f"{name}?from=2020-01-01&to=2020-02-01")
        expect(page.locator(".empty").first).to_contain_text("Nothing happened")

    @pytest.mark.parametrize("name", PAGES)
    def test_axe(self, desk: Console, name: str) -> None:
        """Nothing keeps anybody from using it."""
        page = desk.sign_in("anne", bypass_csp=True, at=name)
        examine(page)


class TestWhoMay:
    def test_developers_may_not(self, desk: Console) -> None:
        """It is not in their side bar, and not answered."""
        page = desk.sign_in("dev")
        expect(page.get_by_role("link", name="Performance")).to_have_count(0)
        assert page.goto(desk.address("performance")).status == 403  # type: ignore[union-attr]
        desk.complaints.clear()

    def test_other_seller(self, desk: Console) -> None:
        """Another seller's figures are nowhere."""
        page = desk.sign_in("anne")
        assert page.goto(desk.address("performance", OTHER_SELLER)).status == 404  # type: ignore[union-attr]
        desk.complaints.clear()
