"""Settings: added and changed by mouse and by keyboard, by admins only, and two of them at once."""

import re
from typing import Any

import pytest
from playwright.sync_api import expect

from fieldserve.console.fields import Field, defaults, meet, sent, shown
from tests.console.conftest import OTHER_SELLER, Console, examine
from tests.official.running import ANN, SELLER, STORE

TABS = ("stores", "technicians", "services", "skills", "users", "sellers", "reasons", "retention")


def store(console: Console) -> dict[str, Any]:
    """The seller's store, as the operator API tells it."""
    told: dict[str, Any] = console.server.operate("GET", f"sellers/{SELLER}/stores/{STORE}")
    return told


class TestFields:
    def test_there_and_back(self) -> None:
        """What a form shows of a record is what it sends of it; only what differs is sent of a change."""
        record = {"name": "Main", "skills": ["TV", "TIRE"], "storeIds": ["b"], "on": True, "latitude": 52.5}
        fields = [
            Field("name", "", required=True),
            Field("skills", "", "words"),
            Field("storeIds", "", "several"),
            Field("on", "", "check"),
            Field("latitude", "", "decimal"),
        ]
        options = {one.member: {"a": "A", "b": "B"} if one.kind == "several" else {} for one in fields}
        values = shown(fields, record, options)
        assert set(values) == set(defaults(fields, options))
        assert sent(fields, values, options) == record
        assert sent(fields, values | {"on": "", "storeIds/a": "on"}, options, values) == {
            "storeIds": ["a", "b"],
            "on": False,
        }

    def test_numbers(self) -> None:
        """What is no number stays a text, which the wire's rules name; what is empty is nothing."""
        fields, options = [Field("minutes", "", "number")], {"minutes": dict[str, str]()}
        told = [sent(fields, {"minutes": one}, options)["minutes"] for one in ("30", " 1.5", "soon", "")]
        assert told == [30, 1.5, "soon", None]

    def test_hours(self) -> None:
        """Hours are one entry of the days that are ticked; none where nothing is typed."""
        fields, options = [Field("hours", "", "hours", ("capacity",))], {"hours": dict[str, str]()}
        typed = {"hours/opens": "08:00", "hours/closes": "17:00", "hours/capacity": "2", "hours/MONDAY": "on"}
        week = {"opens": "08:00", "closes": "17:00", "daysOfWeek": ["MONDAY"], "capacity": 2}
        assert sent(fields, typed, options) == {"hours": [week]}
        assert sent(fields, {}, options) == {"hours": []}

    def test_meet(self) -> None:
        """Others' changes are shown where nothing was typed; where both changed, what was typed, and theirs beside."""
        seen = {"a": "1", "b": "1", "c": "1"}
        met = meet(seen, {"a": "2", "b": "1", "c": "2"}, {"a": "1", "b": "3", "c": "3"})
        assert met.values == {"a": "2", "b": "3", "c": "2"}
        assert met.theirs == {"c": "3"}


class TestSettings:
    @pytest.mark.parametrize("login", ["dora", "anne", "dev"])
    def test_role_that_may_not(self, console: Console, login: str) -> None:
        """Whoever is no admin does not see the pages, and cannot open them."""
        page = console.sign_in(login)
        expect(page.get_by_role("link", name="Settings")).to_have_count(0)
        for path in ("settings/users", "settings/stores/new"):
            answer = page.goto(console.address(path))
            assert answer is not None
            assert answer.status == 403
        console.complaints.clear()  # the 403s

    def test_other_seller(self, console: Console) -> None:
        """Another seller, and what is another's, is not there; neither are the operator's house and adding sellers."""
        page = console.sign_in("ada")
        users = console.server.operate("GET", "users")["users"]
        zoe, ops = (next(one["userId"] for one in users if one["login"] == login) for login in ("zoe", "ops"))
        for address in (
            console.address("settings/users", OTHER_SELLER),
            console.address(f"settings/users/{zoe}"),
            console.address(f"settings/users/{ops}"),
            console.address(f"settings/sellers/{OTHER_SELLER}"),
            console.address("settings/sellers/new"),
            console.address("settings/nothing"),
        ):
            answer = page.goto(address)
            assert answer is not None
            assert answer.status == 404, address
        page.goto(console.address("settings/users"))
        assert "ops" not in page.inner_text("table")
        console.complaints.clear()  # the 404s

    def test_add_and_change_a_store(self, console: Console) -> None:
        """An admin adds a store with its hours, is told what is wrong with it, and changes it."""
        page = console.sign_in("ada", at="settings")
        page.get_by_role("link", name="Add a store").click()
        page.get_by_label("Name").fill("Harbour")
        page.get_by_label("Id", exact=True).fill("harbour")
        page.get_by_label("Time zone").fill("Europe/Nowhere")
        page.get_by_label("Latitude").fill("52.5")
        page.get_by_label("from").fill("08:00")
        page.get_by_label("to", exact=True).fill("17:00")
        page.get_by_label("Mon").check()
        page.get_by_role("button", name="Add a store").click()
        expect(page.get_by_role("alert")).to_contain_text("Europe/Nowhere")
        expect(page.get_by_label("Name")).to_have_value("Harbour")  # nothing that was typed is lost
        page.get_by_label("Time zone").fill("Europe/Berlin")
        page.get_by_label("Longitude").fill("13.4")
        page.get_by_role("button", name="Add a store").click()
        page.wait_for_url("**/settings/stores/harbour")
        page.get_by_label("Slots leave time to get there").check()
        page.get_by_role("button", name="Save").click()
        expect(page.get_by_role("status").filter(has_text="Saved.")).to_be_visible()
        told = console.server.operate("GET", f"sellers/{SELLER}/stores/harbour")
        assert (told["timeZone"], told["latitude"], told["travelAwareSlots"]) == ("Europe/Berlin", 52.5, True)
        console.complaints.clear()  # the 400

    def test_undo(self, console: Console) -> None:
        """`u` takes a change back, by keyboard alone."""
        page = console.sign_in("ada", at=f"settings/stores/{STORE}")
        page.get_by_label("Name").focus()
        page.keyboard.press("Control+a")
        page.keyboard.type("Renamed")
        page.keyboard.press("Enter")
        expect(page.get_by_role("heading", name="Renamed")).to_be_visible()
        assert store(console)["name"] == "Renamed"
        page.keyboard.press("u")
        expect(page.get_by_role("heading", name="Store", exact=True)).to_be_visible()
        assert store(console)["name"] == "Store"

    def test_two_admins(self, console: Console) -> None:
        """The second is told, sees both, and overwrites nothing that they did not touch."""
        page = console.sign_in("ada")
        path = f"sellers/{SELLER}/technicians/{ANN}"
        before = console.server.operate("GET", path)
        page.goto(console.address(f"settings/technicians/{ANN}"))
        console.server.operate("PATCH", path, {"name": "Annika", "skills": ["TV", "TIRE"]})
        page.get_by_label("Name").fill("Anna")
        page.get_by_role("button", name="Save").click()
        expect(page.get_by_role("alert")).to_contain_text("Somebody changed this meanwhile")
        expect(page.get_by_text("now there: Annika")).to_be_visible()
        expect(page.get_by_label("Skills")).to_have_value("TV, TIRE")
        assert console.server.operate("GET", path)["name"] == "Annika"
        page.get_by_role("button", name="Save").click()
        expect(page.get_by_role("status").filter(has_text="Saved.")).to_be_visible()
        after = console.server.operate("GET", path)
        assert (after["name"], after["skills"]) == ("Anna", ["TV", "TIRE"])
        console.server.operate("PATCH", path, {"name": before["name"], "skills": before["skills"]})
        console.complaints.clear()  # the 409

    def test_users(self, console: Console) -> None:
        """A user is let in with a password told once, gets another one, and is shut out."""
        page = console.sign_in("ada")
        page.keyboard.press("g")
        page.keyboard.press("s")
        page.wait_for_url("**/settings/stores")
        page.keyboard.press("5")
        page.wait_for_url("**/settings/users")
        page.keyboard.press("n")
        page.get_by_label("Login").fill("new@example.com")
        page.get_by_label("Name").fill("New Person")
        page.get_by_label("Role").select_option("analyst")
        page.get_by_role("button", name="Add a user").click()
        first = page.locator(".once code").inner_text()
        assert re.fullmatch(r"([a-z2-7]{4}-){4}[a-z2-7]{4}", first)
        page.on("dialog", lambda dialog: dialog.accept())
        page.get_by_role("button", name="Make a new password").click()
        expect(page.locator(".once code")).not_to_have_text(first)
        second = page.locator(".once code").inner_text()
        assert let_in(console, second)
        page.get_by_label("Disabled: cannot sign in").check()
        page.get_by_role("button", name="Save").click()
        expect(page.get_by_role("status").filter(has_text="Saved.")).to_be_visible()
        assert not let_in(console, second)
        console.complaints.clear()  # the refused sign-in

    def test_own_role(self, console: Console) -> None:
        """Nobody shuts themselves out."""
        page = console.sign_in("ada", at="settings/users")
        page.keyboard.press("/")
        page.keyboard.type("ADA")
        page.wait_for_url("**q=ADA")
        page.get_by_role("link", name="Ada", exact=True).last.click()
        page.get_by_label("Role").select_option("analyst")
        page.get_by_role("button", name="Save").click()
        expect(page.get_by_role("alert")).to_contain_text("your own role")
        console.complaints.clear()  # the 409

    def test_house(self, console: Console) -> None:
        """The operator's people add sellers, and see each other beside a seller's users."""
        page = console.open()
        console.give(page, "ops")
        page.goto(console.address("settings/users"))
        assert "ops" in page.inner_text("table")
        assert "zoe" not in page.inner_text("table")
        page.goto(console.address("settings/sellers/new"))
        page.get_by_label("Name").fill("Third")
        page.get_by_label("Id", exact=True).fill("A3SELLER")
        page.get_by_label("Germany").check()
        page.get_by_role("button", name="Add a seller").click()
        page.wait_for_url("**/settings/sellers/A3SELLER")
        assert console.server.operate("GET", "sellers/A3SELLER")["marketplaceIds"] == ["A1PA6795UKMFR9"]

    def test_skills(self, console: Console) -> None:
        """A skill leads to who has it and what asks for it."""
        page = console.sign_in("ada", at="settings/skills")
        row = page.locator("tr", has_text="TV mounting")
        expect(row).to_contain_text("TV")
        expect(row.get_by_role("link", name="Ann")).to_be_visible()

    def test_a_buyers_own_data(self, console: Console) -> None:
        """From a job to its buyer: what is held is looked at, given to them, and erased; open jobs keep theirs."""
        buyer = {"name": "Pat Roe", "buyerId": "A7BUYER", "phone": "555-0107"}
        gone, kept = (console.server.order(buyer=buyer) for _ in range(2))
        console.server.operate("POST", f"sellers/{SELLER}/jobs/{gone}/cancel-as-buyer", {"causedBy": "BUYER"})
        page = console.sign_in("ada", at=f"jobs/{gone}")
        page.get_by_role("link", name="A7BUYER").click()
        page.wait_for_url("**/settings/retention?buyer=A7BUYER**")
        with page.expect_download() as told:
            page.get_by_role("link", name="All of it as JSON").click()
        assert told.value.path().read_text().count("Pat Roe") == 2
        page.on("dialog", lambda dialog: dialog.accept())
        page.get_by_role("button", name="Erase").press("Enter")
        expect(page.get_by_role("status").filter(has_text="Erased: 1 jobs")).to_contain_text("left: 1")
        expect(page.get_by_role("row", name=gone)).to_contain_text("nothing personal")
        expect(page.get_by_role("row", name=kept)).to_contain_text("open")
        assert "Pat Roe" not in str(console.server.operate("GET", f"sellers/{SELLER}/jobs/{gone}"))
        page.get_by_label("Id of the buyer").fill("NOBODY")
        page.keyboard.press("Enter")
        expect(page.locator(".empty")).to_contain_text("no job here")
        assert console.sign_in("dora").request.get(console.address("settings/retention?buyer=A7BUYER")).status == 403

    def test_axe_finds_nothing(self, console: Console) -> None:
        """No rule of WCAG 2.2 AA that a machine can check is broken; on a phone nothing is wider than the screen."""
        page = console.sign_in("ada", bypass_csp=True)
        paths = [f"settings/{one}" for one in TABS]
        for path in [*paths, "settings/technicians/new", f"settings/stores/{STORE}"]:
            page.goto(console.address(path))
            examine(page, narrow=True)


def let_in(console: Console, password: str) -> bool:
    """Whether the new person is let in with that password."""
    page = console.open()
    console.give(page, "new@example.com", password)
    page.wait_for_load_state()
    return not page.url.endswith("/sign-in")


def test_as_csv(console: Console) -> None:
    """Each list of what is set up as CSV; not for who may not set up."""
    page = console.sign_in("ada")
    for tab in ("stores", "technicians", "services", "users", "sellers"):
        page.goto(console.address(f"settings/{tab}"))
        with page.expect_download() as told:
            page.get_by_role("link", name="CSV").click()
        heading, *rows = told.value.path().read_text().splitlines()
        assert heading.split(",")[0].endswith(("Id", "asin"))
        assert rows
    assert console.sign_in("anne").request.get(console.address("settings/users.csv")).status == 403
