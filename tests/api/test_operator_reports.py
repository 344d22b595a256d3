"""Reports and what-if through the operator API, on what really happened in a world."""

import base64
import io
import zipfile
from pathlib import Path
from typing import Any

import pytest

from fieldserve.analytics import home
from fieldserve.operations import reports as operations
from tests.desk import ON_ONE_DATABASE, Desk, refused
from tests.world import ANN, BOB, HOURS_ONLY, OTHER_SELLER, STORE

DAYS = "firstDay=2026-02-01&pastDay=2026-05-01"
# STORE in the small world: 14:00Z to 22:00Z, capacity 2, two technicians; notice of two hours from NOW on.
TUESDAY = "2026-03-03T15:00:00Z"


@pytest.fixture(autouse=True)
def folder(desk: Desk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of the test's own: worlds share their settings."""
    folder = tmp_path / "facts"
    monkeypatch.setattr(type(desk.world.context.settings), "facts_folder", property(lambda _: folder))
    return folder


@pytest.mark.parametrize(
    ("method", "path"), [("GET", "reports/audit"), ("GET", "reports/audit/file?format=csv"), ("POST", "what-if")]
)
@ON_ONE_DATABASE
async def test_anonymous(desk: Desk, method: str, path: str) -> None:
    """Nothing without a key."""
    refused(await desk.client.request(method, f"/operator/v1/sellers/A1SELLER/{path}"), 401, "key")


async def place(desk: Desk) -> str:
    """An order of somebody who wants to be visited on Tuesday at three; answers the id of its job."""
    wanted = [{"startTime": TUESDAY, "durationInMinutes": 60}]
    body = {"storeId": STORE, "asin": "B0MOUNTING", "buyer": {"name": "Pat"}, "preferredAppointmentTimes": wanted}
    placed = await desk.call("POST", "orders", body)
    assert placed.status_code == 201, placed.text
    job_id: str = placed.json()["serviceJobId"]
    return job_id


class TestReports:
    async def test_audit(self, desk: Desk) -> None:
        """Ann was to come at three and the window is over: one due, none on time, a no-show among what she promised."""
        job_id = await place(desk)
        await desk.world.assign(job_id, await desk.world.book(job_id, TUESDAY), ANN)
        desk.world.clock.advance(7 * 86_400_000_000)
        await place(desk)  # so that the log knows how late it is
        answer = await desk.call("GET", f"reports/audit?{DAYS}&groupBy=technician_id")
        assert answer.status_code == 200, answer.text
        told = answer.json()
        assert (told["firstDay"], told["pastDay"], told["isEmpty"]) == ("2026-02-01", "2026-05-01", False)
        lines = {one["metric"]: one for one in told["lines"] if one["group"] == {"technician_id": ANN}}
        assert (lines["on_time_start"]["numerator"], lines["on_time_start"]["denominator"]) == (0, 1)
        assert (lines["break_no_show"]["value"], lines["break_no_show"]["rank"]) == (1.0, 1)
        assert lines["break_no_show"]["peers"] == 1.0

    async def test_kept_until_something_happens(self, desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
        """The same question is answered from what is kept, another one and a later one are worked out."""
        await place(desk)
        worked_out = []
        on_facts = operations.on_facts

        async def counting(context: Any, use: Any) -> Any:
            worked_out.append(use)
            return await on_facts(context, use)

        monkeypatch.setattr(operations, "on_facts", counting)
        first = await desk.call("GET", f"reports/demand?{DAYS}")
        assert (await desk.call("GET", f"reports/demand?{DAYS}")).content == first.content
        assert len(worked_out) == 1
        await desk.call("GET", f"reports/demand?{DAYS}&groupBy=store_id")
        assert len(worked_out) == 2
        await place(desk)
        later = await desk.call("GET", f"reports/demand?{DAYS}")
        assert len(worked_out) == 3
        assert later.json()["lines"] != first.json()["lines"]

    async def test_from_the_first_day_of_the_calendar(self, desk: Desk) -> None:
        """The period before would begin before any date: it is cut, and the report is answered."""
        await place(desk)
        answer = await desk.call("GET", "reports/audit?firstDay=0001-01-01&pastDay=2026-05-01")
        assert (answer.status_code, answer.json()["firstDay"]) == (200, "0001-01-01")

    async def test_payments(self, desk: Desk) -> None:
        """Amounts are texts, by currency, whatever else was asked for."""
        await desk.world.order()
        told = (await desk.call("GET", f"reports/payments?{DAYS}&groupBy=store_id")).json()
        assert told["groupBy"] == ["currency", "store_id"]
        for line in told["lines"]:
            assert line["unit"] != "currency" or isinstance(line["value"], str)

    async def test_files(self, desk: Desk) -> None:
        """A table, a page that loads nothing, and a workbook."""
        await desk.world.order()
        for form, starts in (("csv", "store_id,metric"), ("html", "<!doctype html>")):
            told = (await desk.call("GET", f"reports/demand/file?{DAYS}&groupBy=store_id&format={form}")).json()
            assert told["content"].startswith(starts)
            assert told["fileName"] == f"demand-2026-02-01-2026-05-01.{form}"
            assert "encoding" not in told
        told = (await desk.call("GET", f"reports/demand/file?{DAYS}&groupBy=store_id&format=xlsx")).json()
        assert (told["fileName"], told["encoding"]) == ("demand-2026-02-01-2026-05-01.xlsx", "base64")
        with zipfile.ZipFile(io.BytesIO(base64.b64decode(told["content"]))) as book:
            assert b"store_id" in book.read("xl/sharedStrings.xml")

    @pytest.mark.parametrize(
        ("query", "says"),
        [
            ("groupBy=colour", "audit is not grouped by colour"),
            ("firstDay=2026-03-02&pastDay=2026-03-02", "has no day"),
            ("firstDay=2026-02-31", "2026-02-31 is no day"),
        ],
    )
    async def test_refused(self, desk: Desk, query: str, says: str) -> None:
        """What cannot be reported is said."""
        await desk.world.order()
        refused(await desk.call("GET", f"reports/audit?{query}"), 400, says)

    async def test_unknown(self, desk: Desk) -> None:
        """A report that is none, and a seller that is none."""
        refused(await desk.call("GET", "reports/weather"), 400, "report")
        refused(await desk.call("GET", "/operator/v1/sellers/A9NOBODY/reports/audit"), 404, "A9NOBODY")

    async def test_of_this_seller_alone(self, desk: Desk) -> None:
        """Another seller's jobs count nowhere."""
        await desk.world.order()
        told = (await desk.call("GET", f"/operator/v1/sellers/{OTHER_SELLER}/reports/demand?{DAYS}")).json()
        assert all(line["denominator"] == 0 for line in told["lines"] if line["metric"] == "demand_wanted")

    async def test_busy(self, desk: Desk, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        """While somebody refreshes the facts for long, it is said."""
        await desk.world.order()
        monkeypatch.setattr(operations, "_TRIES", 2)
        with home.held(folder):
            refused(await desk.call("GET", "reports/audit"), 409, "refreshed already")

    async def test_without_the_extra(self, desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
        """A server without the analytics packages says so."""
        monkeypatch.setattr(operations, "find_spec", lambda name: None)
        refused(await desk.call("GET", "reports/audit"), 501, "analytics packages")


class TestJobs:
    async def test_behind_a_figure(self, desk: Desk) -> None:
        """Of two that were due one was begun in time: both are behind the rate, one is counted."""
        ids = []
        for who, worked in ((ANN, True), (BOB, False)):
            job_id = await place(desk)
            appointment_id = await desk.world.book(job_id, TUESDAY)
            await desk.world.assign(job_id, appointment_id, who)
            if worked:
                times = {"startTime": TUESDAY, "endTime": "2026-03-03T15:50:00Z"}
                path = f"/service/v1/serviceJobs/{job_id}/appointments/{appointment_id}/fulfillment"
                desk.world.clock.advance(2 * 86_400_000_000)
                answer = await desk.world.call("PUT", path, json={"fulfillmentTime": times})
                assert answer.status_code in (200, 204), answer.text
                desk.world.clock.advance(-2 * 86_400_000_000)
            ids.append(job_id)
        desk.world.clock.advance(7 * 86_400_000_000)
        await place(desk)
        figure = next(
            one
            for one in (await desk.call("GET", f"reports/audit?{DAYS}")).json()["lines"]
            if one["metric"] == "on_time_start"
        )
        told = (await desk.call("GET", f"metrics/on_time_start/jobs?{DAYS}")).json()
        assert (figure["numerator"], figure["denominator"]) == (1, 2)
        assert {one["serviceJobId"]: one["counted"] for one in told["jobs"]} == {ids[0]: True, ids[1]: False}
        counted = (await desk.call("GET", f"metrics/on_time_start/jobs?{DAYS}&counted=true")).json()["jobs"]
        assert [one["serviceJobId"] for one in counted] == [ids[0]]
        of_bob = (await desk.call("GET", f"metrics/on_time_start/jobs?{DAYS}&group=technician_id:{BOB}")).json()["jobs"]
        assert [one["serviceJobId"] for one in of_bob] == [ids[1]]

    @pytest.mark.parametrize(
        ("path", "says"),
        [
            ("metrics/weather/jobs", "there is no metric weather"),
            ("metrics/store_utilisation/jobs", "made of hours, not of jobs"),
            ("metrics/on_time_start/jobs?group=colour:red", "not grouped by colour"),
        ],
    )
    async def test_refused(self, desk: Desk, path: str, says: str) -> None:
        """What has no jobs behind it is said."""
        await place(desk)
        refused(await desk.call("GET", path), 400, says)


class TestForecast:
    async def test_three_weeks(self, desk: Desk) -> None:
        """An order a day for three weeks: one is expected on each day to come, by the same weekdays."""
        for _ in range(22):
            await place(desk)
            desk.world.clock.advance(86_400_000_000)
        told = (await desk.call("GET", "forecast?weeks=2")).json()
        (store,) = told["stores"]
        assert (store["storeId"], store["method"], len(store["days"])) == (STORE, "SAME_WEEKDAYS", 14)
        assert store["days"][0]["day"] == told["firstDay"]
        assert {day["expected"] for day in store["days"]} == {1.0}

    async def test_too_little(self, desk: Desk) -> None:
        """A day of orders says nothing, and that is said."""
        await place(desk)
        told = (await desk.call("GET", f"forecast?storeIds={STORE}")).json()
        assert told["stores"] == []
        assert STORE in told["notices"][0]

    async def test_today_is_where_the_store_is(self, desk: Desk) -> None:
        """At 03:00Z it is the evening before in New York: that day is forecast, and not counted as a whole one."""
        for _ in range(21):
            await place(desk)
            desk.world.clock.advance(86_400_000_000)
        # From 08:00Z on 2 March 21 days: an order on the 23rd, and 19 hours later, at 03:00Z on the 24th, one more.
        await place(desk)
        desk.world.clock.advance(19 * 3_600_000_000)
        await place(desk)
        told = (await desk.call("GET", "forecast?weeks=1")).json()
        (store,) = told["stores"]
        assert (told["firstDay"], store["days"][0]["day"]) == ("2026-03-23", "2026-03-23")
        assert store["history"] == [1] * 21

    @ON_ONE_DATABASE
    async def test_refused(self, desk: Desk) -> None:
        """A year ahead is too far; a seller that is none is 404; and nothing without a key."""
        refused(await desk.call("GET", "forecast?weeks=52"), 400, "weeks")
        refused(await desk.call("GET", "/operator/v1/sellers/A9NOBODY/forecast"), 404, "A9NOBODY")
        refused(await desk.client.get("/operator/v1/sellers/A1SELLER/forecast"), 401, "key")


class TestWhatIf:
    ASK: dict[str, Any] = {  # noqa: RUF012
        "firstDay": "2026-02-01",
        "pastDay": "2026-05-01",
        "changes": [{"kind": "ADD_TECHNICIANS", "technicians": 1, "on": ["TUE"]}],
        "costPerHour": "40",
    }

    async def crowd(self, desk: Desk) -> list[str]:
        """Three who want the same hour on Tuesday, of whom two can have it; the third gives up. Answers their jobs."""
        ids = []
        for number in range(3):
            ids.append(await place(desk))
            desk.world.clock.advance(1_000_000)
            if number < 2:
                await desk.world.assign(ids[-1], await desk.world.book(ids[-1], TUESDAY), (ANN, BOB)[number])
        await desk.call("POST", f"jobs/{ids[-1]}/cancel-as-buyer", {"causedBy": "BUYER"})
        return ids

    async def test_wins_one(self, desk: Desk) -> None:
        """Three orders, two served; with one more on Tuesdays the third is, too, at the price of all Tuesdays."""
        ids = await self.crowd(desk)
        answer = await desk.call("POST", "what-if", self.ASK)
        assert answer.status_code == 200, answer.text
        told = answer.json()
        store = next(one for one in told["stores"] if one["storeId"] == STORE)
        assert (store["orders"], store["found"], store["replayed"], store["changed"]) == (3, 2, 2, 3)
        assert (store["jobsWon"], store["jobsLost"]) == (1, 0)
        assert told["won"] == {ids[2]: TUESDAY}
        hours = store["addedHours"]
        assert (store["addedCost"], store["costPerWonJob"]) == (f"{40 * hours:.2f}", f"{40 * hours:.2f}")

    async def test_its_own_calendar(self, desk: Desk) -> None:
        """What is added to a store whose orders cannot be replayed would cost and win nothing: it is left out."""
        await self.crowd(desk)
        told = (await desk.call("POST", "what-if", self.ASK)).json()
        assert HOURS_ONLY not in {one["storeId"] for one in told["stores"]}
        assert told["total"]["addedHours"] == sum(one["addedHours"] for one in told["stores"])
        alone = (await desk.call("POST", "what-if", self.ASK | {"storeIds": [HOURS_ONLY]})).json()
        assert (alone["stores"], alone["total"]["orders"], alone["total"]["addedCost"]) == ([], 0, "0.00")

    async def test_booked_much_later(self, desk: Desk) -> None:
        """Two have Tuesday, the third came six days later than wished: what changes nothing loses nobody."""
        for number, start in enumerate((TUESDAY, TUESDAY, "2026-03-09T15:00:00Z")):
            job_id = await place(desk)
            desk.world.clock.advance(1_000_000)
            await desk.world.assign(job_id, await desk.world.book(job_id, start), (ANN, BOB, ANN)[number])
        same = {
            "firstDay": "2026-03-02",
            "pastDay": "2026-03-03",
            "changes": [{"kind": "OPEN_LONGER", "opens": "12:00"}],
        }
        total = (await desk.call("POST", "what-if", same)).json()["total"]
        assert (total["found"], total["replayed"], total["changed"], total["jobsLost"]) == (3, 3, 3, 0)

    async def test_open_longer_wins_nobody_here(self, desk: Desk) -> None:
        """Nobody wanted to come later; the hours cost all the same, and no job has a price."""
        await self.crowd(desk)
        longer = {"changes": [{"kind": "OPEN_LONGER", "closes": "23:00"}]}
        told = (await desk.call("POST", "what-if", self.ASK | longer)).json()
        assert (told["total"]["jobsWon"], told["won"]) == (0, {})
        assert told["total"]["addedHours"] > 0
        assert "costPerWonJob" not in told["total"]

    async def test_calendar_of_before(self, desk: Desk) -> None:
        """Two who ordered the day before have Tuesday at three: who orders on Tuesday finds it taken, and gets it from
        one more; the two are no orders of this period."""
        for who in (ANN, BOB):
            job_id = await place(desk)
            await desk.world.assign(job_id, await desk.world.book(job_id, TUESDAY), who)
        desk.world.clock.advance(22 * 3_600_000_000)
        third = await place(desk)
        await desk.call("POST", f"jobs/{third}/cancel-as-buyer", {"causedBy": "BUYER"})
        day = self.ASK | {"firstDay": "2026-03-03", "pastDay": "2026-03-04", "storeIds": [STORE]}
        told = (await desk.call("POST", "what-if", day)).json()
        total = told["total"]
        assert (total["orders"], total["replayed"], total["changed"]) == (1, 0, 1)
        assert told["won"] == {third: TUESDAY}
        # Two hours of visits before, and three after.
        busy = (
            total["utilisation"] * total["hours"],
            total["changedUtilisation"] * (total["hours"] + total["addedHours"]),
        )
        assert busy == pytest.approx((2, 3))

    async def test_behind_the_period(self, desk: Desk) -> None:
        """Asked for Monday alone, one more on Tuesdays adds no hour: it costs nothing, and wins nobody."""
        await self.crowd(desk)
        told = (
            await desk.call("POST", "what-if", self.ASK | {"firstDay": "2026-03-02", "pastDay": "2026-03-03"})
        ).json()
        total = told["total"]
        assert (total["orders"], total["jobsWon"], total["addedHours"], total["addedCost"]) == (3, 0, 0, "0.00")

    async def test_currency(self, desk: Desk) -> None:
        """A cost is in dollars at a store of the United States, and in what was told otherwise."""
        await self.crowd(desk)
        told = (await desk.call("POST", "what-if", self.ASK)).json()
        assert [one["costCurrency"] for one in (told["total"], *told["stores"])] == ["USD"] * (1 + len(told["stores"]))
        told = (await desk.call("POST", "what-if", self.ASK | {"costCurrency": "EUR"})).json()
        assert {one["costCurrency"] for one in (told["total"], *told["stores"])} == {"EUR"}
        free = {name: value for name, value in self.ASK.items() if name != "costPerHour"}
        assert "costCurrency" not in (await desk.call("POST", "what-if", free)).json()["total"]

    async def test_two_currencies(self, desk: Desk) -> None:
        """Where stores are in two countries a cost must say what it is in; each alone need not."""
        seller = {"marketplaceIds": ["ATVPDKIKX0DER", "A2EUQ1WTGCTBG2"]}
        assert (await desk.call("PATCH", "/operator/v1/sellers/A1SELLER", seller)).status_code == 200
        canadian = {"storeId": "toronto", "name": "Toronto", "timeZone": "America/Toronto"}
        place = {"marketplaceId": "A2EUQ1WTGCTBG2", "schedulingType": "REAL_TIME_SCHEDULING"}
        made = await desk.call("POST", "stores", canadian | place)
        assert made.status_code == 201, made.text
        refused(await desk.call("POST", "what-if", self.ASK), 400, "these stores have CAD and USD")
        told = (await desk.call("POST", "what-if", self.ASK | {"storeIds": ["toronto"]})).json()
        assert told["total"]["costCurrency"] == "CAD"

    @pytest.mark.parametrize(
        ("changes", "says"),
        [
            ({"changes": []}, "changes"),
            ({"costPerHour": None, "costCurrency": "USD"}, "costCurrency needs costPerHour"),
            ({"costCurrency": "dollars"}, "costCurrency"),
            ({"changes": [{"kind": "ADD_TECHNICIANS"}]}, "ADD_TECHNICIANS needs technicians"),
            ({"changes": [{"kind": "OPEN_LONGER"}]}, "OPEN_LONGER needs opens, closes, or both"),
            ({"changes": [{"kind": "OPEN_LONGER", "opens": "9:00"}]}, "opens"),
            (
                {"changes": [{"kind": "ADD_TECHNICIANS", "technicians": 1, "opens": "12:00", "closes": "09:00"}]},
                "closes must be after opens",
            ),
            ({"pastDay": "2026-02-01"}, "pastDay must come 1 to 366 days after firstDay"),
            ({"firstDay": "2026-02-31"}, "firstDay must be a day"),
            ({"costPerHour": "-1"}, "costPerHour"),
        ],
    )
    @ON_ONE_DATABASE
    async def test_refused(self, desk: Desk, changes: dict[str, Any], says: str) -> None:
        """What makes no sense is named."""
        refused(await desk.call("POST", "what-if", self.ASK | changes), 400, says)

    async def test_nothing_happened(self, desk: Desk) -> None:
        """No order, no figures; a seller that is none is 404."""
        told = (await desk.call("POST", "what-if", self.ASK)).json()
        assert told["total"]["orders"] == 0
        refused(await desk.call("POST", "/operator/v1/sellers/A9NOBODY/what-if", self.ASK), 404, "A9NOBODY")
