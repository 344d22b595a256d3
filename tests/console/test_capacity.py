"""Capacity in a real browser: a week seen, leave entered and given back, hours set, and who they would not cover."""

import time
from datetime import date, timedelta

from playwright.sync_api import Page, expect

from tests.console.conftest import OTHER_SELLER, Console, examine
from tests.official.running import ANN, ASIN, STORE


def week_of(console: Console, days: int) -> str:
    """A day so many days on."""
    return (console.server.hour(0) + timedelta(days=days)).date().isoformat()


def open_week(console: Console, resource: str, days: int, login: str = "dora", **query: str) -> Page:
    """The week of that day, of a resource."""
    page = console.sign_in(login)
    more = "".join(f"&{name}={value}" for name, value in query.items())
    page.goto(console.address(f"capacity?resource={resource}&week={week_of(console, days)}{more}"))
    return page


def searches(console: Console) -> int:
    """How often somebody looked for slots, as the log has it a moment later."""
    time.sleep(1.5)  # searches are written behind, every second
    events = console.server.operate("GET", "events?limit=1000&kind=slots.searched")["events"]
    return len(events)


class TestCapacity:
    def test_week(self, console: Console) -> None:
        """The store never closes and has two: 2 in every cell; by keyboard to the next week."""
        page = open_week(console, STORE, 30)
        expect(page.locator(".heat tbody tr")).to_have_count(24)
        assert set(page.locator(".heat td").all_inner_texts()) == {"2"}
        caption = page.locator("caption").inner_text()
        assert "available" in caption
        assert "UTC" in caption
        page.keyboard.press("ArrowRight")
        page.wait_for_url(f"**week={week_of(console, 30)[:7]}**")
        page.get_by_role("link", name="scheduled").click()
        expect(page.locator("caption")).to_contain_text("scheduled")

    def test_leave_and_back(self, console: Console) -> None:
        """Ann's training takes her hours, is made shorter, and gives them back."""
        page = open_week(console, ANN, 40)
        day = page.locator('input[name="start"]').input_value()[:10]
        page.select_option('select[name="kind"]', "TRAINING")
        page.fill('input[name="start"]', f"{day}T09:00")
        page.fill('input[name="end"]', f"{day}T12:00")
        page.get_by_role("button", name="Enter it").click()
        expect(page.locator(".lines li").first).to_contain_text("Training")
        row = page.locator(".heat tbody tr", has=page.locator("th", has_text="10"))
        assert row.locator("td").all_inner_texts() == ["0", *["1"] * 6]
        page.get_by_role("link", name="Change").click()
        page.fill('input[name="end"]', f"{day}T10:00")
        page.get_by_role("button", name="Save the change").click()
        expect(page.get_by_role("button", name="Enter it")).to_be_visible()
        assert row.locator("td").all_inner_texts() == ["1"] * 7
        expect(page.locator(".lines li")).to_have_count(1)
        page.get_by_role("button", name="Give back").click()
        expect(page.locator(".heat td.h0")).to_have_count(0)

    def test_hours_and_conflicts(self, console: Console) -> None:
        """A capacity of one where two are booked at the same time: told first, saved when asked for again."""
        server = console.server
        start = server.hour(24 * 50 + 10)
        services = server.services()
        for _ in range(2):
            job_id = server.order()
            services.add_appointment_for_service_job_by_service_job_id(
                job_id, appointmentTime={"startTime": start.isoformat()}
            )
        page = open_week(console, STORE, 50)
        page.fill('input[name="capacity"]', "1")
        page.fill('input[name="opens"]', "09:00")
        page.fill('input[name="closes"]', "12:00")
        page.fill('input[name="first"]', start.date().isoformat())
        page.fill('input[name="last"]', start.date().isoformat())
        page.get_by_role("button", name="Set the hours").click()
        expect(page.get_by_role("alert")).to_contain_text("would not cover 2 visits")
        assert console.complaints  # the 409 that the browser tells
        console.complaints.clear()
        page.get_by_role("button", name="Save them all the same").click()
        page.wait_for_url("**/capacity?resource=**")
        page.get_by_role("link", name="scheduled").click()
        row = page.locator(".heat tbody tr", has=page.locator("th", has_text="09"))
        assert sorted(row.locator("td").all_inner_texts()) == ["1", *["2"] * 6]

    def test_painted(self, console: Console) -> None:
        """Three mornings dragged, then two evenings to the day's end by keyboard: the form has them, and saves them."""
        page = open_week(console, ANN, 90)
        cells = page.locator(".heat td")
        cells.nth(9 * 7 + 1).hover()
        page.mouse.down()
        cells.nth(11 * 7 + 3).hover()
        page.mouse.up()
        expect(page.locator('.heat [aria-selected="true"]')).to_have_count(9)  # three hours of three days
        chosen = page.locator("form[data-hours] input:checked")
        assert [one.get_attribute("name") for one in chosen.all()] == ["on-TUESDAY", "on-WEDNESDAY", "on-THURSDAY"]
        expect(page.locator('input[name="opens"]')).to_have_value("09:00")
        expect(page.locator('input[name="closes"]')).to_have_value("12:00")
        cells.nth(21 * 7 + 4).click()
        for key in ("Shift+ArrowDown", "Shift+ArrowDown", "Shift+ArrowRight", "Enter"):
            page.keyboard.press(key)
        expect(page.locator('input[name="opens"]')).to_be_focused()
        expect(page.locator('input[name="closes"]')).to_have_value("00:00")
        assert [one.get_attribute("name") for one in chosen.all()] == ["on-FRIDAY", "on-SATURDAY"]
        page.get_by_role("button", name="Set the hours").click()
        expect(page.locator("form[data-hours] input:checked")).to_have_count(0)  # saved, and shown anew
        expect(page.get_by_role("alert")).to_have_count(0)

    def test_shown_before_it_is_saved(self, console: Console) -> None:
        """Painted hours show what they would make of the week, and of what customers see; nothing is saved yet."""
        page = open_week(console, STORE, 120, asin=ASIN)
        monday = page.locator('input[name="first"]').input_value()
        page.fill('input[name="opens"]', "09:00")
        page.fill('input[name="closes"]', "12:00")
        page.check('input[name="on-MONDAY"]')
        expect(page.locator("#preview")).to_contain_text("Nothing would change")  # the store has two as it is
        page.fill('input[name="capacity"]', "1")
        page.locator('input[name="capacity"]').press("Tab")
        row = page.locator("#preview tbody tr")
        expect(row).to_have_count(1)  # one of two is left from nine to twelve
        expect(row.locator("td").nth(1)).to_contain_text("9:00")
        expect(page.locator("#preview")).not_to_contain_text("Slots with room")  # there is room for one as for two
        page.fill('input[name="closes"]', "08:00")
        page.locator('input[name="closes"]').press("Tab")
        expect(page.locator("#preview")).to_contain_text("must end after they begin")
        page.goto(console.address(f"capacity?resource={STORE}&week={monday}"))
        assert set(page.locator(".heat td").all_inner_texts()) == {"2"}

    def test_every_week(self, console: Console) -> None:
        """A break on Mondays and Wednesdays for two weeks: in both, not in the third; the form shows it as entered."""
        page = open_week(console, ANN, 150)
        first = date.fromisoformat(page.locator('input[name="start"]').input_value()[:10])
        page.select_option('select[name="kind"]', "BREAK")
        page.fill('input[name="start"]', f"{first}T12:00")
        page.fill('input[name="end"]', f"{first}T13:00")
        page.get_by_text("Every week").click()
        page.fill('input[name="until"]', (first + timedelta(days=13)).isoformat())
        page.check('input[name="each-MONDAY"]')
        page.check('input[name="each-WEDNESDAY"]')
        page.get_by_role("button", name="Enter it").click()
        for week, expected in enumerate((["0", "1", "0", *["1"] * 4], ["0", "1", "0", *["1"] * 4], ["1"] * 7)):
            page.goto(console.address(f"capacity?resource={ANN}&week={first + timedelta(days=7 * week)}"))
            noon = page.locator(".heat tbody tr", has=page.locator("th", has_text="12"))
            assert noon.locator("td").all_inner_texts() == expected
        page.goto(console.address(f"capacity?resource={ANN}&week={first}"))
        page.get_by_role("link", name="Change").click()
        expect(page.locator('input[name="until"]')).to_have_value((first + timedelta(days=13)).isoformat())
        expect(page.locator('input[name="each-WEDNESDAY"]')).to_be_checked()
        page.goto(console.address(f"capacity?resource={ANN}&week={first}"))
        page.get_by_role("button", name="Give back").click()
        expect(page.locator(".heat td.h0")).to_have_count(0)

    def test_taken_away(self, console: Console) -> None:
        """Saturday's hours of a store of two are taken away, and can be given back."""
        page = open_week(console, STORE, 180)
        page.check('input[name="on-SATURDAY"]')
        page.fill('input[name="opens"]', "00:00")
        page.fill('input[name="closes"]', "00:00")
        page.get_by_role("button", name="Take these hours away").click()
        expect(page.locator(".heat td.h0")).to_have_count(24)
        page.get_by_role("button", name="Give back").click()
        expect(page.locator(".heat td.h0")).to_have_count(0)

    def test_looking_is_no_demand(self, console: Console) -> None:
        """Slots that a dispatcher looks at here are nobody's search."""
        before = searches(console)
        open_week(console, STORE, 20, asin=ASIN)
        assert searches(console) == before

    def test_legend(self, console: Console) -> None:
        """The store has two at most: nothing, one and two each have a shade."""
        page = open_week(console, STORE, 30)
        assert page.locator(".legend li").all_inner_texts() == ["0", "1", "2"]

    def test_leave_over_a_visit(self, console: Console) -> None:
        """Leave while somebody has a visit is entered, and it is said that the visit has to go elsewhere."""
        server = console.server
        start = server.hour(24 * 80 + 10)
        services = server.services()
        job_id = server.order()
        booked = services.add_appointment_for_service_job_by_service_job_id(
            job_id, appointmentTime={"startTime": start.isoformat()}
        )
        services.assign_appointment_resources(job_id, booked.payload["appointmentId"], resources=[{"resourceId": ANN}])
        page = open_week(console, ANN, 80)
        page.fill('input[name="start"]', start.strftime("%Y-%m-%dT09:00"))
        page.fill('input[name="end"]', start.strftime("%Y-%m-%dT12:00"))
        page.get_by_role("button", name="Enter it").click()
        expect(page.get_by_role("status").first).to_contain_text("Visits lie in that time")

    def test_mistakes_are_told(self, console: Console) -> None:
        """A day that ends before it begins; what was typed stays."""
        page = open_week(console, STORE, 60)
        page.fill('input[name="opens"]', "12:00")
        page.fill('input[name="closes"]', "09:00")
        page.fill('input[name="last"]', page.locator('input[name="first"]').input_value())
        page.get_by_role("button", name="Set the hours").click()
        expect(page.get_by_role("alert")).to_contain_text("must end after they begin")
        expect(page.locator('input[name="opens"]')).to_have_value("12:00")
        console.complaints.clear()  # the 400

    def test_slots(self, console: Console) -> None:
        """What customers will see: 24 slots a day, all with room."""
        page = open_week(console, STORE, 70, asin=ASIN)
        expect(page.locator(".lines li").first).to_contain_text("24 of 24 slots have room")

    def test_axe(self, console: Console) -> None:
        """Nothing keeps anybody from using it."""
        page = console.sign_in("dora", bypass_csp=True, at=f"capacity?resource={STORE}&asin={ASIN}")
        examine(page)

    def test_analysts_look(self, console: Console) -> None:
        """They see the week, and nothing to change it with."""
        page = open_week(console, STORE, 30, "anne")
        expect(page.locator(".heat")).to_be_visible()
        expect(page.get_by_role("button", name="Set the hours")).to_have_count(0)

    def test_unknown(self, console: Console) -> None:
        """Neither a resource that is none nor another seller's page is there."""
        page = console.sign_in("dora")
        for address in (console.address("capacity?resource=nobody"), console.address("capacity", OTHER_SELLER)):
            answer = page.goto(address)
            assert answer is not None
            assert answer.status == 404
        console.complaints.clear()
