"""A technician's day in a phone's browser: by hand and by keyboard, with a network and without one."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

import pytest
from playwright.sync_api import Browser, Dialog, Page, expect

from tests.console.conftest import PASSWORD, Console, examine, let_people_in
from tests.official.running import ANN, BOB, SELLER, STORE, RunningServer, running

PHONE: dict[str, Any] = {"viewport": {"width": 390, "height": 844}, "has_touch": True, "is_mobile": True}
MORNING = "2027-03-02T07:20:00Z"
JPEG = bytes.fromhex(  # one grey pixel
    "ffd8ffe000104a46494600010100000100010000ffdb004300" + "08" * 64 + "ffc0000b080001000101011100"
    "ffc40014000100000000000000000000000000000009ffc40014100100000000000000000000000000000000ffda0008010100003f0054ffd9"
)


@pytest.fixture(scope="module")
def day_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServer]:
    """A server that thinks it is a morning in March 2027, whatever the browser's clock says."""
    with running(tmp_path_factory.mktemp("my-day") / "data", sandbox="dynamic") as server:
        let_people_in(server)
        for login, technician in (("ann", ANN), ("bob", BOB)):
            person = {"login": login, "name": login.title(), "role": "technician", "technicianId": technician}
            server.operate("POST", "users", {**person, "sellerId": SELLER, "password": PASSWORD})
        yield server


@pytest.fixture
def phone(day_server: RunningServer, browser: Browser) -> Iterator[Console]:
    """The console on a phone; a test fails if a page complained of anything but what it was denied."""
    with ExitStack() as at_end:
        set_clock(day_server, MORNING)
        console = Console(day_server, browser, at_end)
        yield console
        away = ("ERR_INTERNET_DISCONNECTED", "ERR_FAILED", "409 (Conflict)")
        assert [one for one in console.complaints if not any(known in one for known in away)] == []


def set_clock(server: RunningServer, at: str) -> None:
    server.operator.post(f"{server.base}/sandbox/v1/clock/freeze", json={"at": at}).raise_for_status()


def open_day(phone: Console, login: str = "ann", **options: Any) -> Page:
    """A phone on which a technician signed in."""
    page = phone.open(**PHONE, **options) if "viewport" not in options else phone.open(**options)
    phone.give(page, login)
    page.wait_for_url("**/my-day")
    page.wait_for_selector("[data-state=ready]")
    return page


def reload(page: Page) -> None:
    """Load the day again, and wait until it has heard from the server, or that there is none."""
    page.reload()
    page.wait_for_selector("[data-state=ready]")


def photograph(page: Page, mine: Any, meanwhile: str = "") -> None:
    """Take a picture; `meanwhile` is a script that runs while the camera is open."""
    with page.expect_file_chooser() as camera:
        mine.get_by_role("button", name="Photo").tap()
    if meanwhile:
        page.evaluate(meanwhile)
    camera.value.set_files({"name": "tv.jpg", "mimeType": "image/jpeg", "buffer": JPEG})


def visit(phone: Console, hour: int, technician: str = ANN) -> str:
    """A job with a visit on that hour of the day."""
    with phone.server.services() as services:
        job_id = phone.server.order(storeId=STORE)
        when = {"startTime": f"2027-03-02T{hour}:00:00Z", "durationInMinutes": 60}
        made = services.add_appointment_for_service_job_by_service_job_id(job_id, appointmentTime=when)
        appointment_id = made.payload["appointmentId"]
        services.assign_appointment_resources(job_id, appointment_id, resources=[{"resourceId": technician}])
    return job_id


def job_of(phone: Console, job_id: str) -> dict[str, Any]:
    """The job, as the operator API tells it."""
    told: dict[str, Any] = phone.server.operate("GET", f"sellers/{SELLER}/jobs/{job_id}")
    return told


def card(page: Page, job_id: str) -> Any:
    """A visit on the page."""
    return page.locator(f'.stop[data-job="{job_id}"]')


def until(true: Callable[[], bool], page: Page) -> None:
    """Wait for what the server knows."""
    for _ in range(100):
        if true():
            return
        page.wait_for_timeout(50)
    raise AssertionError("it never came")


class TestWithANetwork:
    def test_a_visit(self, phone: Console) -> None:
        """On the way, at work, a photo, a signature, done: by thumb, in order, and the job is complete with proof."""
        job_id = visit(phone, 11)
        set_clock(phone.server, "2027-03-02T10:40:00Z")
        page = open_day(phone)
        mine = card(page, job_id)
        expect(mine).to_contain_text("1 Main St")
        assert mine.get_by_text("Call 555-0100").get_attribute("href") == "tel:555-0100"
        assert "Main%20St" in (mine.get_by_text("Navigate").get_attribute("href") or "")
        mine.locator("select").select_option("20")
        mine.get_by_text("On my way").tap()
        expect(mine).to_contain_text("on the way, there at 11:00")
        set_clock(phone.server, "2027-03-02T11:05:00Z")
        reload(page)
        mine.get_by_role("button", name="Start").tap()
        expect(mine).to_contain_text("at work since 11:05")
        until(lambda: "appointment.started" in kinds(phone, job_id), page)
        photograph(page, mine)
        expect(mine).to_contain_text("1 proof")
        mine.get_by_role("button", name="Signature").tap()
        field = page.locator("#signature canvas").bounding_box()
        assert field
        page.mouse.move(field["x"] + 40, field["y"] + 40)
        page.mouse.down()
        page.mouse.move(field["x"] + 120, field["y"] + 70, steps=5)
        page.mouse.up()
        page.get_by_role("button", name="Keep it").tap()
        expect(mine).to_contain_text("2 proofs")
        set_clock(phone.server, "2027-03-02T11:50:00Z")
        reload(page)
        mine.get_by_role("button", name="Finish").tap()
        page.locator("#finish button.main").tap()
        expect(mine).to_contain_text("11:05 AM – 11:50 AM")
        until(lambda: job_of(phone, job_id)["serviceJobStatus"] == "COMPLETED", page)
        (appointment,) = job_of(phone, job_id)["appointments"]
        assert appointment["poa"]["poaType"] == "POA_RECEIPT"
        self._shown_to_dispatchers(phone, job_id)

    def test_news_under_the_finger(self, phone: Console) -> None:
        """The list is put in anew, and the focus is where it was."""
        job_id = visit(phone, 10)
        page = open_day(phone, viewport={"width": 1280, "height": 800})
        card(page, job_id).get_by_role("button", name="Signature").focus()
        page.evaluate("stops.querySelector('[data-deed=signature]').dataset.old = 'yes'")
        other = visit(phone, 14)
        page.evaluate("dispatchEvent(new Event('online'))")
        expect(card(page, other)).to_be_visible()
        focused = "document.activeElement.dataset.deed + ' ' + ('old' in document.activeElement.dataset)"
        assert page.evaluate(focused) == "signature false"

    def test_news_while_the_camera_is_open(self, phone: Console) -> None:
        """The list is put in anew, and the picture belongs to its visit all the same."""
        job_id = visit(phone, 10)
        page = open_day(phone)
        photograph(page, card(page, job_id), "stops.replaceWith(stops.cloneNode(true))")
        expect(card(page, job_id)).to_contain_text("1 proof")

    def _shown_to_dispatchers(self, phone: Console, job_id: str) -> None:
        """The pictures can be looked at, and the story says who did what."""
        page = phone.sign_in(at=f"jobs/{job_id}")
        pictures = page.locator(".proofs img")
        expect(pictures).to_have_count(2)
        for number in range(2):
            pictures.nth(number).scroll_into_view_if_needed()
            page.wait_for_function("at => document.querySelectorAll('.proofs img')[at].naturalWidth > 0", arg=number)
        story = page.inner_text(".story")
        assert "Work began" in story
        assert "Ann" in story

    def test_by_keyboard(self, phone: Console) -> None:
        """Everything but drawing is done with keys; a name signs, too. A job that is not done waits."""
        job_id = visit(phone, 12)
        set_clock(phone.server, "2027-03-02T12:03:00Z")
        page = open_day(phone, viewport={"width": 1280, "height": 800})
        mine = card(page, job_id)
        mine.get_by_role("button", name="Start").focus()
        page.keyboard.press("Enter")
        expect(mine).to_contain_text("at work since")
        mine.get_by_role("button", name="Signature").focus()
        page.keyboard.press("Enter")
        page.get_by_role("button", name="Keep it").focus()
        page.keyboard.press("Enter")
        expect(page.get_by_role("alert")).to_have_text("Sign in the field first.")
        page.get_by_label("Name of who signs").focus()
        page.keyboard.type("Pat Doe")
        page.keyboard.press("Enter")
        expect(mine).to_contain_text("1 proof")
        mine.get_by_role("button", name="Finish").focus()
        page.keyboard.press("Enter")
        page.get_by_label("The job is done").focus()
        page.keyboard.press("Space")
        page.locator("#finish button.main").focus()
        page.keyboard.press("Enter")
        until(lambda: job_of(phone, job_id)["appointments"][0]["appointmentStatus"] == "COMPLETED", page)
        assert job_of(phone, job_id)["serviceJobStatus"] == "NOT_SERVICED"


def kinds(phone: Console, job_id: str) -> list[str]:
    """What happened to the job, by kind."""
    listing = phone.server.operate("GET", f"events?sellerId={SELLER}&subject={job_id}&limit=100")
    return [one["kind"] for one in listing["events"]]


class TestWithoutANetwork:
    def test_sent_later(self, phone: Console) -> None:
        """Without a network the page opens, takes what is told, and sends it later with the time of then."""
        job_id = visit(phone, 11)
        set_clock(phone.server, "2027-03-02T11:10:00Z")
        page = open_day(phone)
        page.wait_for_function("caches.open('my-day').then(kept => kept.match(location.href)).then(Boolean)")
        page.wait_for_function("navigator.serviceWorker.controller")
        page.context.set_offline(True)
        reload(page)
        mine = card(page, job_id)
        mine.get_by_role("button", name="Start").tap()
        expect(mine).to_contain_text("at work since 11:10")
        photograph(page, mine)
        expect(page.locator("#outbox li")).to_have_count(2)
        expect(page.locator("#network")).to_contain_text("No network")
        reload(page)  # a phone may drop the page, too
        expect(page.locator("#outbox li")).to_have_count(2)
        assert "appointment.started" not in kinds(phone, job_id)
        set_clock(phone.server, "2027-03-02T11:40:00Z")
        page.context.set_offline(False)
        expect(page.locator("#outbox li")).to_have_count(0)
        expect(mine).to_contain_text("1 proof")
        expect(mine).to_contain_text("at work since 11:10")
        assert kinds(phone, job_id).count("appointment.started") == 1

    def test_refused(self, phone: Console) -> None:
        """What the server does not take stays on the phone with its reason, until its teller drops it."""
        job_id = visit(phone, 13)
        set_clock(phone.server, "2027-03-02T13:05:00Z")
        page = open_day(phone)
        page.wait_for_function("caches.open('my-day').then(kept => kept.match(location.href)).then(Boolean)")
        page.context.set_offline(True)
        card(page, job_id).get_by_role("button", name="Start").tap()
        expect(page.locator("#outbox li")).to_have_count(1)
        with phone.server.services() as services:
            appointment_id = job_of(phone, job_id)["appointments"][0]["appointmentId"]
            services.assign_appointment_resources(job_id, appointment_id, resources=[{"resourceId": BOB}])
        page.context.set_offline(False)
        expect(page.locator("#outbox li")).to_contain_text("not yours any more")
        expect(card(page, job_id)).to_have_count(0)
        page.once("dialog", lambda dialog: dialog.accept())
        page.get_by_role("button", name="Drop it").tap()
        expect(page.locator("#outbox li")).to_have_count(0)

    def test_signing_out(self, phone: Console) -> None:
        """Who signs out with something unsent is asked; then no address of a buyer is left on the phone, and what waits
        is sent when its teller is back."""
        job_id = visit(phone, 14)
        set_clock(phone.server, "2027-03-02T14:05:00Z")
        page = open_day(phone)
        page.route("**/start", lambda route: route.abort())
        card(page, job_id).get_by_role("button", name="Start").tap()
        expect(page.locator("#outbox li")).to_have_count(1)
        asked: list[str] = []

        def agree(dialog: Dialog) -> None:
            asked.append(dialog.message)
            dialog.accept()

        page.once("dialog", agree)
        page.get_by_role("button", name="Sign out").tap()
        page.wait_for_url("**/sign-in")
        assert "not sent yet" in asked[0]
        assert page.evaluate("caches.keys()") == []
        page.unroute("**/start")
        phone.give(page, "bob")
        page.wait_for_url("**/my-day")
        expect(page.locator("#network")).to_contain_text("somebody else")
        assert "appointment.started" not in kinds(phone, job_id)
        page.get_by_role("button", name="Sign out").tap()
        page.wait_for_url("**/sign-in")
        phone.give(page, "ann")
        page.wait_for_url("**/my-day")
        until(lambda: "appointment.started" in kinds(phone, job_id), page)


class TestWho:
    def test_only_technicians(self, phone: Console) -> None:
        """Dispatchers have the board; a technician has nothing but their day, and only their own."""
        job_id = visit(phone, 15, BOB)
        page = open_day(phone)
        expect(card(page, job_id)).to_have_count(0)
        assert page.locator(".side nav li").all_inner_texts() == ["My day"]
        for path in ("today", "board", f"jobs/{job_id}", "settings"):
            answer = page.request.get(phone.address(path))
            assert answer.status == 403, path
        assert page.request.get(phone.address("my-day", "A2SELLER")).status == 404
        dispatcher = phone.sign_in()
        assert dispatcher.request.get(phone.address("my-day")).status == 403

    def test_forged(self, phone: Console) -> None:
        """Without the session's token nothing is taken, a picture neither."""
        job_id = visit(phone, 16)
        page = open_day(phone)
        for path, kind, body in (
            ("start", "application/json", b'{"at": 1}'),
            ("proof?name=12345678", "image/jpeg", JPEG),
        ):
            answer = page.request.post(
                phone.address(f"my-day/{job_id}/{path}"), headers={"content-type": kind}, data=body
            )
            assert answer.status == 403

    def test_accessible(self, phone: Console) -> None:
        """Axe finds nothing, on a day with visits in several states, nor in what opens."""
        for hour in (17, 18):
            visit(phone, hour)
        set_clock(phone.server, "2027-03-02T17:20:00Z")
        page = open_day(phone, bypass_csp=True)
        page.locator(".stop[data-state=planned] [data-deed=start]").first.tap()
        expect(page.locator("#outbox li")).to_have_count(0)
        page.locator("[data-state=working] [data-deed=signature]").first.tap()
        examine(page)
        page.keyboard.press("Escape")
        examine(page)
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")


def test_the_words(phone: Console) -> None:
    """In German, too."""
    page = open_day(phone, locale="de-DE")
    assert page.locator("html").get_attribute("lang") == "de"
    expect(page.get_by_role("link", name="Mein Tag")).to_be_visible()
