"""Each page's main deed by mouse and by keyboard, and what a reader must be able to do on all of them."""

import json
import math
import re
import time as clock
from datetime import UTC, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import apsw
from playwright.sync_api import Page, expect

from fieldserve.travel.great_circle import GreatCircle
from fieldserve.travel.places import Place
from tests.console.conftest import Console, examine
from tests.official.running import ANN, BOB, SELLER, STORE


def status_of(console: Console, job_id: str) -> str:
    """The job's state, as the operator API tells it."""
    told: str = console.server.operate("GET", f"sellers/{SELLER}/jobs/{job_id}")["serviceJobStatus"]
    return told


def visit_of(console: Console, job_id: str) -> dict[str, Any]:
    """The job's active appointment."""
    job = console.server.operate("GET", f"sellers/{SELLER}/jobs/{job_id}")
    return next(one for one in job["appointments"] if one["appointmentStatus"] == "ACTIVE")


def crew_of(console: Console, job_id: str) -> list[str]:
    """Who does the job's active appointment."""
    return [one["technicianId"] for one in visit_of(console, job_id).get("assignedTechnicians", [])]


class TestJob:
    def test_from_order_to_completion(self, console: Console) -> None:
        """A dispatcher books, assigns, records and completes a job, and its page tells the story."""
        job_id = console.server.order()
        page = console.sign_in(at=f"jobs/{job_id}")
        page.click("text=Book a time")
        page.locator(".times fieldset button").first.click()
        page.wait_for_selector(".s-active")
        page.click("#crew button")
        page.get_by_label(ANN.title()).check()
        page.locator(".crew button.main").click()
        expect(page.locator(".lines li").first).to_contain_text(ANN.title())
        assert crew_of(console, job_id) == [ANN]
        page.click("text=Complete")
        page.wait_for_selector("h1 .s-completed")
        assert status_of(console, job_id) == "COMPLETED"
        story = page.inner_text(".story")
        assert "Completed" in story
        assert "Dora" in story

    def test_by_keyboard(self, console: Console) -> None:
        """`b` lists the times, Enter takes one; `a` lists the technicians."""
        job_id = console.server.order()
        page = console.sign_in(at=f"jobs/{job_id}")
        page.wait_for_selector("[data-htmx-powered]")
        page.keyboard.press("b")
        page.wait_for_selector(".times fieldset button")
        page.locator(".times fieldset button").first.focus()
        page.keyboard.press("Enter")
        page.wait_for_selector(".s-active")
        page.keyboard.press("a")
        page.wait_for_selector(".crew label")
        assert status_of(console, job_id) == "NOT_SERVICED"

    def test_cancel_asks(self, console: Console) -> None:
        """Cancelling asks first; who says no has changed nothing."""
        job_id = console.server.order()
        page = console.sign_in(at=f"jobs/{job_id}")
        page.once("dialog", lambda dialog: dialog.dismiss())
        page.click("text=Cancel job")
        assert status_of(console, job_id) == "PENDING_SCHEDULE"
        page.once("dialog", lambda dialog: dialog.accept())
        page.click("text=Cancel job")
        page.wait_for_selector("h1 .s-cancelled")
        assert status_of(console, job_id) == "CANCELLED"

    def test_changed_meanwhile(self, console: Console) -> None:
        """Whoever looks at a job that another changes is told so."""
        job_id = console.server.order()
        page = console.sign_in(at=f"jobs/{job_id}")
        page.wait_for_timeout(600)  # the page listens from when it is there
        console.server.operate("POST", f"sellers/{SELLER}/jobs/{job_id}/hold", {})
        expect(page.locator("#changed")).to_be_visible()

    def test_lives_elsewhere(self, console: Console) -> None:
        """A mirrored job says where it lives and as of when, and offers what can be done there."""
        job_id = console.server.order()
        database = apsw.Connection(str(console.server.log.with_suffix("") / "fieldserve.db"))
        database.execute(
            "UPDATE jobs SET mirrored_from = 'amazon', synced_at = 1772442000000000, details = document"
            " WHERE service_job_id = ?",
            (job_id,),
        )
        database.close()
        page = console.sign_in(at=f"jobs/{job_id}")
        assert "Lives at amazon" in page.inner_text("article")
        assert page.locator("button[value=cancel]").count() == 1
        assert page.locator("button[value=hold]").count() == 0


class TestToday:
    def test_refused_by_its_source(self, console: Console) -> None:
        """A write that Amazon refused waits on Today, with its reason, and is sent again from there."""
        job_id = console.server.order()
        database = apsw.Connection(str(console.server.log.with_suffix("") / "fieldserve.db"))
        now = clock.time_ns() // 1000
        database.execute(
            "INSERT INTO outbox (account, seller_id, service_job_id, operation_id, request, idempotency_key, actor,"
            " created_at, next_at, state, doubtful, settled, tries, ended_at, said)"
            " VALUES ('amazon', ?, ?, 'completeServiceJobByServiceJobId', ?, 'k', 'user:x', ?, ?, 'REFUSED', 0, 1, 1,"
            " ?, 'The job cannot be completed.')",
            (SELLER, job_id, '{"send": {}}', now, now, now),
        )
        database.close()
        page = console.sign_in()
        entry = page.locator("section[aria-labelledby=refused] li", has_text="The job cannot be completed.")
        expect(entry).to_be_visible()
        entry.get_by_role("button", name="Send again").click()
        expect(entry).to_have_count(0)


class TestJobs:
    def test_search(self, console: Console) -> None:
        """An id finds its job; the address holds what was looked for, and the sheet has the same rows."""
        job_id = console.server.order()
        page = console.sign_in()
        page.keyboard.press("g")
        page.keyboard.press("j")
        page.wait_for_url("**/jobs")
        page.keyboard.press("/")
        page.keyboard.type(job_id)
        page.wait_for_url(f"**q={job_id}**")
        expect(page.locator("tbody tr")).not_to_have_count(0)
        assert job_id in page.inner_text("tbody")
        with page.expect_download() as download:
            page.click("text=CSV")
        text = download.value.path().read_text()
        assert text.startswith("serviceJobId,status,title")
        assert job_id in text

    def test_columns(self, console: Console) -> None:
        """Columns are ticked, by keyboard, too; which are shown stands in the address."""
        job_id = console.server.order()
        page = console.sign_in(at=f"jobs?q={job_id}")
        heads = page.locator("thead th")
        assert heads.all_inner_texts() == ["Job", "Status", "Visit", "Technicians", "Buyer", "Store", "Ordered"]
        page.locator("summary", has_text="Columns").focus()
        page.keyboard.press("Enter")
        page.get_by_label("Order", exact=True).focus()
        page.keyboard.press("Space")
        page.wait_for_url("**col=order**")
        expect(heads.last).to_have_text("Order")
        page.goto(console.address(f"jobs?q={job_id}&col=service&col=nonsense"))
        assert heads.all_inner_texts() == ["Job", "Service"]

    def test_nothing_found(self, console: Console) -> None:
        """An empty list says what to do."""
        page = console.sign_in(at="jobs?q=nothing-like-this")
        assert "No job matches" in page.inner_text(".empty")


def lane(page: Page, technician: str) -> Any:
    """The technician's row on the board."""
    return page.locator(f'.lane[data-technician="{technician}"]')


def drag(page: Page, box: Any, technician: str, share: float) -> None:
    """Drag a box to a place on the technician's row, `share` of its width from the left."""
    while (start := box.bounding_box()) is None or (there := lane(page, technician).bounding_box()) is None:
        page.wait_for_timeout(20)  # it was just drawn anew
    page.mouse.move(start["x"] + start["width"] / 2, start["y"] + start["height"] / 2)
    page.mouse.down()
    page.mouse.move(there["x"] + there["width"] * share - 30, there["y"] + there["height"] / 2, steps=5)
    page.mouse.move(there["x"] + there["width"] * share, there["y"] + there["height"] / 2, steps=3)
    page.wait_for_selector(".ghost")
    page.mouse.up()


class TestBoard:
    def board(self, console: Console, login: str = "dora", days: int = 5, **options: Any) -> Page:
        """A board of a day that nobody else uses."""
        page = console.sign_in(login, **options)
        day = datetime.now().astimezone().date() + timedelta(days=days)
        page.goto(console.address(f"board?date={day.isoformat()}"))
        page.wait_for_selector(".lane")
        return page

    def test_drag_books_moves_and_undoes(self, console: Console) -> None:
        """A job dragged from the tray is booked and staffed; dragged again it moves; undo takes it back."""
        job_id = console.server.order()
        page = self.board(console)
        drag(page, page.locator(f'[data-job="{job_id}"]'), ANN, 0.52)
        page.wait_for_selector(".toast:has-text('Booked')")
        assert crew_of(console, job_id) == [ANN]
        first = visit_of(console, job_id)["appointmentTime"]["startTime"]
        drag(page, page.locator(".visit").first, BOB, 0.77)
        page.wait_for_selector(".toast:has-text('Moved')")
        assert crew_of(console, job_id) == [BOB]
        assert visit_of(console, job_id)["appointmentTime"]["startTime"] != first
        page.keyboard.press("u")
        page.wait_for_selector(".toast:has-text('Undone')")
        assert crew_of(console, job_id) == [ANN]
        assert visit_of(console, job_id)["appointmentTime"]["startTime"] == first
        page.keyboard.press("u")
        page.locator(f'[data-job="{job_id}"]').wait_for()
        assert status_of(console, job_id) == "PENDING_SCHEDULE"

    def test_keyboard_places(self, console: Console) -> None:
        """The same without a mouse: `m`, arrows, Enter."""
        job_id = console.server.order()
        page = self.board(console, days=6)
        page.locator(f'[data-job="{job_id}"]').focus()
        page.keyboard.press("m")
        page.wait_for_selector(".ghost")
        for _ in range(4):
            page.keyboard.press("ArrowRight")
        page.keyboard.press("ArrowDown")
        page.keyboard.press("Enter")
        page.wait_for_selector(".toast:has-text('Booked')")
        assert len(crew_of(console, job_id)) == 1

    def test_pin(self, console: Console) -> None:
        """`p` pins a visit to its technician, seen and said; undo takes the pin off."""
        job_id = console.server.order()
        page = self.board(console, days=8)
        drag(page, page.locator(f'[data-job="{job_id}"]'), ANN, 0.52)
        page.wait_for_selector(".toast:has-text('Booked')")
        page.locator(".visit").first.focus()
        page.keyboard.press("p")
        page.locator(".visit.pinned").wait_for()
        assert "pinned" in (page.locator(".visit.pinned").get_attribute("aria-label") or "")
        page.keyboard.press("u")
        page.locator(".visit:not(.pinned)").wait_for()

    def test_drives(self, console: Console) -> None:
        """Before a visit stands the drive from home, as long as the server's rule has it."""
        job_id = place(console)
        page = self.board(console, days=10)
        drag(page, page.locator(f'[data-job="{job_id}"]'), ANN, 0.52)
        page.wait_for_selector(".toast:has-text('Booked')")
        data = json.loads(page.locator("#data").inner_text() or "{}")
        start = datetime.fromisoformat(visit_of(console, job_id)["appointmentTime"]["startTime"])
        hour = start.astimezone(ZoneInfo(data["timeZone"])).hour
        seconds, _ = GreatCircle().trip(Place(40.0, -73.0), Place(40.1, -73.1), hour)
        told = lane(page, ANN).locator(".drive").first.get_attribute("title")
        assert told == f"{math.ceil(seconds / 60)} min to drive"

    def test_ghost_says_what_would_break(self, console: Console) -> None:
        """Before the drop it is told what speaks against it, and who else could."""
        job_id = console.server.order()
        page = self.board(console, days=0)
        box, there = page.locator(f'[data-job="{job_id}"]').bounding_box(), lane(page, ANN).bounding_box()
        assert box is not None
        assert there is not None
        page.mouse.move(box["x"] + 20, box["y"] + 10)
        page.mouse.down()
        page.mouse.move(there["x"] + 5, there["y"] + 10, steps=5)
        page.wait_for_selector(".ghost.bad")
        assert "in the past" in page.inner_text(".ghost-note")
        page.mouse.move(there["x"] - 300, there["y"] + 10, steps=3)  # let go beside every row: nothing happens
        page.mouse.up()
        assert status_of(console, job_id) == "PENDING_SCHEDULE"

    def test_two_dispatchers(self, console: Console) -> None:
        """A change is seen on the other's board within a second; who is late is told who was first."""
        job_id = console.server.order()
        dora, carl = self.board(console, days=7), self.board(console, "carl", days=7)
        carl.wait_for_timeout(600)  # listens
        drag(dora, dora.locator(f'[data-job="{job_id}"]'), ANN, 0.52)
        carl.locator(".visit").first.wait_for(timeout=3_000)
        # Carl's page is held on an old version: what it would send is decided on what it saw.
        carl.route("**/board.json*", lambda route: route.abort())
        drag(dora, dora.locator(".visit").first, BOB, 0.52)
        dora.wait_for_selector(".toast:has-text('Assigned'), .toast:has-text('Moved')")
        crew = crew_of(console, job_id)
        drag(carl, carl.locator(".visit").first, BOB, 0.9)
        carl.wait_for_selector(".toast:has-text('changed meanwhile')")
        assert crew_of(console, job_id) == crew
        console.complaints.clear()  # what was aborted, and the 409


# A day that no other test uses.
ROUTED = datetime.now(UTC).date() + timedelta(days=9)


def place(console: Console) -> str:
    """A job that waits for ROUTED, and is near technicians whose homes are known; answers its id."""
    start = datetime.combine(ROUTED, time(10), UTC).isoformat()
    mine = f"sellers/{SELLER}"
    job_id = console.server.order(preferredAppointmentTimes=[{"startTime": start, "durationInMinutes": 240}])
    for technician in (ANN, BOB):
        home = {"homeLatitude": 40.0, "homeLongitude": -73.0}
        console.server.operate("PATCH", f"{mine}/technicians/{technician}", home)
    console.server.operate("POST", f"{mine}/jobs/{job_id}/place", {"latitude": 40.1, "longitude": -73.1})
    return job_id


class TestRoutes:
    def plan(self, page: Page, console: Console) -> None:
        """Plan the day, with the jobs that wait for it."""
        page.goto(console.address("plans"))
        page.fill("[name=day]", ROUTED.isoformat())
        page.select_option("[name=store]", STORE)
        page.fill("[name=seconds]", "1")
        page.check("[name=waiting]")
        page.keyboard.press("p")
        page.wait_for_url("**/plans/*")

    def test_plan_apply_undo(self, console: Console) -> None:
        """A plan changes nothing before it is applied, all of it then, and nothing any more once it is undone."""
        job_id = place(console)
        page = console.sign_in()
        self.plan(page, console)
        expect(page.locator(f'a[href$="/jobs/{job_id}"]')).to_be_visible()
        expect(page.locator(".map .stop")).to_have_attribute("data-stop", job_id)
        assert status_of(console, job_id) == "PENDING_SCHEDULE"
        page.get_by_role("button", name="Apply").click()
        expect(page.locator("h1 .status")).to_have_text("Applied")
        assert len(crew_of(console, job_id)) == 1
        page.get_by_role("button", name="Undo").click()
        expect(page.locator("h1 .status")).to_have_text("Undone")
        assert status_of(console, job_id) == "PENDING_SCHEDULE"

    def test_changed_meanwhile(self, console: Console) -> None:
        """A plan whose jobs somebody changed since is not applied, and says which."""
        job_id = place(console)
        page = console.sign_in()
        self.plan(page, console)
        console.server.operate("POST", f"sellers/{SELLER}/jobs/{job_id}/cancel-as-buyer", {})
        page.get_by_role("button", name="Apply").click()
        expect(page.get_by_text("plan anew")).to_contain_text(job_id)
        console.complaints.clear()  # the 409

    def test_files(self, console: Console) -> None:
        """The table names the job; an analyst looks and cannot apply."""
        job_id = place(console)
        page = console.sign_in()
        self.plan(page, console)
        with page.expect_download() as download:
            page.get_by_role("link", name="CSV").click()
        assert download.value.suggested_filename.endswith(".csv")
        assert job_id in download.value.path().read_text()
        anne = console.sign_in("anne")
        anne.goto(page.url)
        expect(anne.get_by_role("button", name="Apply")).to_have_count(0)
        anne.goto(console.address("plans"))
        expect(anne.locator("[name=day]")).to_have_count(0)

    def test_map(self, console: Console) -> None:
        """The map is drawn without anybody's tiles; list and map show each other's visits, a name its route alone."""
        job_id = place(console)
        page = console.sign_in(bypass_csp=True)
        asked: list[str] = []
        page.on("request", lambda request: asked.append(request.url))
        self.plan(page, console)
        line, dot = page.locator(f'li[data-stop="{job_id}"]'), page.locator(f'.map [data-stop="{job_id}"]')
        line.hover()
        expect(dot).to_have_class(re.compile(r"\bon\b"))
        page.locator("h1").hover()
        expect(dot).not_to_have_class(re.compile(r"\bon\b"))
        line.get_by_role("link").focus()
        expect(dot).to_have_class(re.compile(r"\bon\b"))
        page.locator("h1").hover()
        dot.click()
        expect(line.get_by_role("link")).to_be_focused()
        name = page.locator(".whose button").first
        name.focus()
        page.keyboard.press("Enter")
        expect(name).to_have_attribute("aria-pressed", "true")
        page.keyboard.press("Enter")
        expect(page.locator(".faint")).to_have_count(0)
        examine(page)
        assert not [url for url in asked if "ground" in url or not url.startswith(console.server.base)]
        page.get_by_role("link", name="Day sheet").click()
        expect(page.locator("h2 .swatch")).to_have_count(1)

    def test_bad_day(self, console: Console) -> None:
        """A day that cannot be planned is told on the page."""
        page = console.sign_in(at="plans")
        page.fill("[name=day]", "2020-01-01")
        page.get_by_role("button", name="Plan").click()
        expect(page.locator("[role=alert]")).to_be_visible()
        console.complaints.clear()  # the refusal


class TestEveryPage:
    def test_axe_finds_nothing(self, console: Console) -> None:
        """No rule of WCAG 2.2 AA that a machine can check is broken, in light and in dark."""
        job_id = console.server.order()
        page = console.sign_in(bypass_csp=True)
        addresses = [console.address(one) for one in ("today", "board", "jobs", f"jobs/{job_id}", "plans")]
        addresses += [f"{console.server.base}/console/account", f"{console.server.base}/console/nothing"]
        for address in addresses:
            page.goto(address)
            page.wait_for_load_state()
            examine(page)
        console.complaints.clear()  # the browser's own word on the 404

    def test_phone(self, console: Console) -> None:
        """On a phone nothing is wider than the screen."""
        page = console.sign_in()
        page.set_viewport_size({"width": 375, "height": 700})
        for one in ("today", "jobs", f"jobs/{console.server.order()}"):
            page.goto(console.address(one))
            assert page.evaluate("document.documentElement.scrollWidth") <= 375

    def test_keys_are_listed(self, console: Console) -> None:
        """`?` lists the keys; Escape closes the list."""
        page = console.sign_in()
        page.keyboard.press("?")
        expect(page.locator("#keys")).to_be_visible()
        page.keyboard.press("Escape")
        expect(page.locator("#keys")).to_be_hidden()


def test_no_sandbox(console: Console) -> None:
    """A real server says that it is none, and nothing moves its clock."""
    page = console.sign_in("dev", at="developers/sandbox")
    expect(page.locator(".empty")).to_contain_text("This server is no sandbox")
    answer = page.request.post(
        console.address("developers/sandbox"),
        form={"control": "thawClock", "csrf": page.get_attribute("body", "data-csrf") or ""},
    )
    assert answer.status == 404


class TestViews:
    def test_by_mouse(self, console: Console) -> None:
        """Filters saved for everybody: a colleague finds them under the name, and the owner deletes them."""
        page = console.sign_in("dora", at="jobs?status=HOLD&from=2026-01-01")
        page.locator(".views summary").click()
        page.get_by_label("Save what is shown as").fill("On hold")
        page.locator("[data-view]").get_by_label("for everybody").check()
        page.locator("[data-view] button").click()
        expect(page.locator(".views-menu li a")).to_have_text("On hold")
        other = console.sign_in("carl", at="jobs")
        other.locator(".views > summary").click()
        other.get_by_role("link", name="On hold").click()
        other.wait_for_url("**/jobs?status=HOLD")
        other.locator(".views > summary").click()
        expect(other.get_by_role("button", name="Delete On hold")).to_have_count(0)
        page.get_by_role("button", name="Delete On hold").click()
        expect(page.locator(".views-menu")).to_contain_text("None is saved yet.")

    def test_by_keyboard(self, console: Console) -> None:
        """`v` opens the menu; a name and Enter save; a fault is told; Escape closes."""
        page = console.sign_in("dora", at="board?days=3")
        page.keyboard.press("v")
        page.get_by_label("Save what is shown as").focus()
        page.keyboard.type("   ")
        page.keyboard.press("Enter")
        expect(page.get_by_role("alert")).to_contain_text("needs a name")
        page.get_by_label("Save what is shown as").fill("Three days")
        page.keyboard.press("Enter")
        link = page.get_by_role("link", name="Three days")
        expect(link).to_have_attribute("href", f"/console/{SELLER}/board?days=3")
        page.keyboard.press("Escape")
        expect(link).to_be_hidden()
        page.keyboard.press("v")
        link.focus()
        with page.expect_navigation(url="**/board?days=3"):  # it is there already, and goes there again
            page.keyboard.press("Enter")

    def test_axe(self, console: Console) -> None:
        """Nothing keeps anybody from using the menu."""
        page = console.sign_in("dora", bypass_csp=True, at="jobs")
        page.locator(".views > summary").click()
        page.get_by_label("Save what is shown as").wait_for()
        examine(page)
