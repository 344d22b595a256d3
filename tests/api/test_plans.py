"""Plans of routes: made, compared, applied, undone, exported."""

import json
from typing import Any

import pytest

from fieldserve.domain.intervals import SECOND
from tests.day import NEAR, QUICK, Day, a_day, put
from tests.desk import ON_ONE_DATABASE, Desk, refused
from tests.world import ANN, BOB, BRANCH, CID, OTHER_SELLER, SELLER, STORE


@pytest.fixture
async def day(desk: Desk) -> Day:
    return await a_day(desk)


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", "plans"),
        ("GET", "plans"),
        ("GET", "plans/p"),
        ("POST", "plans/compare"),
        ("POST", "plans/p/apply"),
        ("POST", "plans/p/undo"),
        ("POST", "plans/p/replan"),
        ("GET", "plans/p/explanation"),
        ("GET", "plans/p/export"),
        ("POST", "calendar-feeds"),
        ("GET", "jobs/j/ranked-slots"),
        ("POST", "jobs/j/place"),
        ("POST", "jobs/j/pin"),
    ],
)
@ON_ONE_DATABASE
async def test_anonymous(desk: Desk, method: str, path: str) -> None:
    """Nothing without a key."""
    refused(await desk.client.request(method, f"/operator/v1/sellers/{SELLER}/{path}"), 401, "key")


class TestCreate:
    async def test_everybody_near_home(self, day: Day) -> None:
        """The plan turns them round, sends Ann to the third, and changes nothing yet."""
        record = await day.plan()
        (planned,) = record["days"]
        routes = {one["technicianId"]: [stop["serviceJobId"] for stop in one["stops"]] for one in planned["routes"]}
        assert routes == {ANN: [day.here, day.later], BOB: [day.there]}
        assert (planned["leftOut"], planned["withoutPlace"], planned["notices"]) == ([], [], [])
        assert (record["status"], record["figures"]["assigned"], record["figures"]["onTime"]) == ("DRAFT", 3, 1.0)
        # Before, two drive an hour and more, there and back, and one visit has nobody. After: 1.1 km there and back.
        assert (record["before"]["assigned"], record["before"]["unassigned"]) == (2, 1)
        assert record["before"]["travelMetres"] == pytest.approx(4 * 43_366, rel=0.01)
        assert record["figures"]["travelMetres"] == pytest.approx(2 * 1_446, rel=0.01)
        assert {(one["serviceJobId"], "TECHNICIANS" in one["what"]) for one in record["changes"]} == {
            (day.here, True),
            (day.there, True),
            (day.later, True),
        }
        assert await day.teams() == {day.here: [BOB], day.there: [ANN], day.later: []}
        assert (await day.desk.call("GET", f"plans/{record['planId']}")).json() == record

    async def test_times(self, day: Day) -> None:
        """Work begins when it is booked, the customer is told half an hour from then, and the way is counted."""
        route = next(one for one in (await day.plan())["days"][0]["routes"] if one["technicianId"] == ANN)
        first, second = route["stops"]
        assert (first["start"], first["end"]) == ("2026-03-03T15:00:00Z", "2026-03-03T16:00:00Z")
        assert first["told"] == {"start": "2026-03-03T15:00:00Z", "end": "2026-03-03T15:30:00Z"}
        assert (first["travelSeconds"], route["leaves"]) == (0, first["arrival"])
        assert second["travelMetres"] == pytest.approx(1_446, abs=2)
        assert second["arrival"] <= second["start"]

    async def test_same_again(self, day: Day) -> None:
        """Same world, seed and iterations: the same plan but for its id."""
        one, other = await day.plan(seed=5), await day.plan(seed=5)
        assert one["days"] == other["days"]
        assert one["planId"] != other["planId"]

    async def test_frozen(self, day: Day) -> None:
        """What starts before the freeze stays with whoever has it."""
        record = await day.plan(freezeUntil="2026-03-03T16:00:00Z")
        routes = {one["technicianId"]: one["stops"] for one in record["days"][0]["routes"]}
        assert routes[BOB][0]["serviceJobId"] == day.here
        assert routes[BOB][0]["pinned"] is True
        assert routes[ANN][0]["serviceJobId"] == day.there

    async def test_pinned(self, day: Day) -> None:
        """What is pinned stays with whoever has it; a plan that does not know of the pin is outdated."""
        early = await day.plan()
        day.desk.world.clock.advance(SECOND)
        pinned = await day.desk.call("POST", f"jobs/{day.here}/pin", {"pinned": True})
        assert (pinned.status_code, pinned.json()["pinned"]) == (200, True)
        refused(await day.desk.call("POST", f"plans/{early['planId']}/apply"), 409, day.here)
        record = await day.plan()
        routes = {one["technicianId"]: one["stops"] for one in record["days"][0]["routes"]}
        assert (routes[BOB][0]["serviceJobId"], routes[BOB][0]["pinned"]) == (day.here, True)
        await day.desk.call("POST", f"jobs/{day.here}/pin", {"pinned": False})
        refused(await day.desk.call("POST", f"plans/{record['planId']}/apply"), 409, day.here)
        record = await day.plan()
        assert not any("pinned" in stop for route in record["days"][0]["routes"] for stop in route["stops"])

    async def test_without_place(self, day: Day) -> None:
        """A visit whose place nobody knows is listed, and stays with whoever has it."""
        lost = await day.desk.world.order()
        appointment_id = await day.desk.world.book(lost, "2026-03-03T20:00:00Z")
        await day.desk.world.assign(lost, appointment_id, ANN)
        record = await day.plan()
        assert record["days"][0]["withoutPlace"] == [lost]
        await day.apply(record["planId"])
        appointment = (await day.desk.world.job(lost))["appointments"][0]
        assert [one["technicianId"] for one in appointment["assignedTechnicians"]] == [ANN]

    async def test_left_out(self, day: Day) -> None:
        """A visit that no one can do is left out with the rule that binds, and loses nobody who cannot come."""
        for technician_id in (ANN, BOB):
            await day.desk.call("PATCH", f"technicians/{technician_id}", {"skills": ["TYRES"]})
        (planned,) = (await day.plan())["days"]
        assert {one["serviceJobId"] for one in planned["leftOut"]} == {day.here, day.there, day.later}
        assert all(one["message"] and one["reason"] for one in planned["leftOut"])

    async def test_two_days(self, day: Day) -> None:
        """Each day has its own routes; a day without visits has none."""
        record = await day.plan(days=2)
        assert [(one["date"], len(one["routes"])) for one in record["days"]] == [("2026-03-03", 2), ("2026-03-04", 0)]

    async def test_always_on_duty(self, day: Day) -> None:
        """Who is there around the clock has no shift that begins; they are sent all the same."""
        for technician_id in (ANN, BOB):
            await day.desk.call("PATCH", f"technicians/{technician_id}", {"skills": ["TYRES"]})
        store = (await day.desk.call("GET", f"stores/{STORE}")).json()
        dee: dict[str, Any] = {"technicianId": "dee", "name": "Dee", "storeIds": [STORE], "skills": ["TV"]}
        dee |= {"timeZone": store["timeZone"], "marketplaceId": store["marketplaceId"]}
        dee |= {"workingHours": [{"opens": "00:00", "closes": "24:00"}], "homeLatitude": 40.0, "homeLongitude": -73.0}
        assert (await day.desk.call("POST", "technicians", dee)).status_code == 201
        (planned,) = (await day.plan())["days"]
        assert [one["technicianId"] for one in planned["routes"]] == ["dee"]

    async def test_waiting_jobs(self, day: Day) -> None:
        """A job that waits is planned on a time that it prefers, and booked by applying; undoing frees the slot."""
        buyer = {"name": "Pat Doe"}
        times = [{"startTime": "2026-03-03T19:00:00Z", "durationInMinutes": 120}]
        location = {"latitude": 40.0, "longitude": -73.0}
        body = {"storeId": STORE, "asin": "B0MOUNTING", "buyer": buyer, "preferredAppointmentTimes": times}
        placed = await day.desk.call("POST", "orders", {**body, "serviceLocation": location})
        job_id = placed.json()["serviceJobId"]
        record = await day.plan(waiting=True)
        (stop,) = [
            stop for route in record["days"][0]["routes"] for stop in route["stops"] if stop["serviceJobId"] == job_id
        ]
        assert (stop["books"], "appointmentId" in stop) == (True, False)
        # The store's grid is hourly: 19:00Z or 20:00Z, of which both end within what is preferred.
        assert stop["start"] in ("2026-03-03T19:00:00Z", "2026-03-03T20:00:00Z")
        assert (await day.apply(record["planId"]))["booked"] == 1
        job = await day.desk.world.job(job_id)
        assert job["serviceJobStatus"] == "NOT_SERVICED"
        assert [one["technicianId"] for one in job["appointments"][0]["assignedTechnicians"]] == stop["technicians"]
        undone = (await day.desk.call("POST", f"plans/{record['planId']}/undo")).json()
        assert (undone["booked"], undone.get("kept", [])) == (1, [])
        assert (await day.desk.world.job(job_id))["serviceJobStatus"] == "PENDING_SCHEDULE"

    async def test_mirrored_stays_booked(self, day: Day) -> None:
        """Undoing leaves what was booked for a job that is mirrored, says so, and puts back the rest."""
        before = await day.teams()
        times = [{"startTime": "2026-03-03T19:00:00Z", "durationInMinutes": 120}]
        location = {"latitude": 40.0, "longitude": -73.0}
        body = {"storeId": STORE, "asin": "B0MOUNTING", "buyer": {"name": "Pat Doe"}, "serviceLocation": location}
        placed = await day.desk.call("POST", "orders", {**body, "preferredAppointmentTimes": times})
        job_id = placed.json()["serviceJobId"]
        record = await day.plan(waiting=True)
        assert (await day.apply(record["planId"]))["booked"] == 1
        mirror = "UPDATE jobs SET mirrored_from = 'amazon' WHERE service_job_id = $1"
        await day.desk.world.write(lambda c: c.execute(mirror, job_id))
        answer = await day.desk.call("POST", f"plans/{record['planId']}/undo")
        assert answer.status_code == 200, answer.text
        undone = answer.json()
        assert (undone["booked"], undone["kept"]) == (0, [job_id])
        assert await day.teams() == before
        assert (await day.desk.world.job(job_id))["serviceJobStatus"] == "NOT_SERVICED"

    @ON_ONE_DATABASE
    @pytest.mark.parametrize(
        ("changes", "status", "words"),
        [
            ({"firstDay": "2026-02-30"}, 400, "firstDay"),
            ({"firstDay": "tomorrow"}, 400, "firstDay"),
            ({"days": 8}, 400, "days"),
            ({"seconds": 0}, 400, "seconds"),
            ({"freezeUntil": "ten"}, 400, "freezeUntil"),
            ({"storeIds": ["nothing"]}, 404, "no store nothing"),
            ({"firstDay": "2026-05-05"}, 409, "no visits"),
            ({"colour": "red"}, 400, "colour"),
        ],
    )
    async def test_refused(self, day: Day, changes: dict[str, Any], status: int, words: str) -> None:
        """What cannot be planned is refused with the reason, and no plan is kept."""
        refused(await day.desk.call("POST", "plans", {**QUICK, **changes}), status, words)
        assert (await day.desk.call("GET", "plans")).json()["plans"] == []

    @ON_ONE_DATABASE
    async def test_sent_again(self, day: Day) -> None:
        """Under an Idempotency-Key the same request makes one plan."""
        headers = {"idempotency-key": "once-and-only-once"}
        answers = [await day.desk.call("POST", "plans", QUICK, headers=headers) for _ in range(2)]
        assert answers[0].json() == answers[1].json()
        assert len((await day.desk.call("GET", "plans")).json()["plans"]) == 1

    async def test_other_seller(self, day: Day) -> None:
        """Another seller's plan is an unknown one."""
        plan_id = (await day.plan())["planId"]
        path = f"/operator/v1/sellers/{OTHER_SELLER}/plans/{plan_id}"
        refused(await day.desk.call("GET", path), 404, f"no plan {plan_id}")
        refused(await day.desk.call("POST", f"{path}/apply"), 404, f"no plan {plan_id}")


class TestApply:
    async def test_turned_round(self, day: Day) -> None:
        """Two on each other's visits at the same time change places without an overbooking; arrivals are told."""
        record = await day.plan()
        applied = await day.apply(record["planId"])
        assert (applied["status"], applied["assigned"], applied["told"], applied["booked"]) == ("APPLIED", 3, 3, 0)
        assert await day.teams() == {day.here: [ANN], day.there: [BOB], day.later: [ANN]}
        told = [one for one in await day.desk.events(day.here) if one.kind == "appointment.fulfilled"]
        assert told[-1].after["appointments"][0]["arrival"] == [1772550000000000, 1772551800000000]
        assert all(not one.after.get("overbooked") for one in await day.desk.events(day.here))
        assert [one.kind for one in await day.desk.events(record["planId"])] == ["plan.made", "plan.applied"]

    async def test_once(self, day: Day) -> None:
        """What was applied is not applied again."""
        plan_id = (await day.plan())["planId"]
        await day.apply(plan_id)
        refused(await day.desk.call("POST", f"plans/{plan_id}/apply"), 409, "is APPLIED")

    async def test_planned_again(self, day: Day) -> None:
        """A plan of what a plan made changes nothing, and takes its place."""
        first = (await day.plan())["planId"]
        await day.apply(first)
        second = await day.plan()
        assert second["changes"] == []
        applied = await day.apply(second["planId"])
        assert (applied["assigned"], applied["told"], applied["unchanged"]) == (0, 0, 3)
        plans = (await day.desk.call("GET", "plans")).json()["plans"]
        assert {one["planId"]: one["status"] for one in plans} == {first: "SUPERSEDED", second["planId"]: "APPLIED"}

    async def test_job_changed(self, day: Day) -> None:
        """A visit that changed meanwhile makes the plan outdated; the answer names it, and nothing is applied."""
        record = await day.plan()
        await day.desk.world.assign(day.later, day.appointments[day.later], BOB)
        answer = await day.desk.call("POST", f"plans/{record['planId']}/apply")
        refused(answer, 409, f"job {day.later}")
        assert await day.teams() == {day.here: [BOB], day.there: [ANN], day.later: [BOB]}

    async def test_technician_changed(self, day: Day) -> None:
        """So does a technician who has gone on leave."""
        record = await day.plan()
        path = "/service/v1/reservation"
        availability = {"startTime": "2026-03-03T14:00:00Z", "endTime": "2026-03-03T18:00:00Z"}
        body = {"resourceId": ANN, "reservation": {"type": "VACATION", "availability": availability}}
        answer = await day.desk.world.call("POST", path, json=body, params={"marketplaceIds": "ATVPDKIKX0DER"})
        assert answer.status_code == 200, answer.text
        refused(await day.desk.call("POST", f"plans/{record['planId']}/apply"), 409, f"technician {ANN}")

    async def test_all_or_nothing(self, day: Day) -> None:
        """Where a step is refused, here since the slot of a waiting job has gone, nothing of the plan stays."""
        times = [{"startTime": "2026-03-03T20:00:00Z", "durationInMinutes": 60}]
        body = {"storeId": STORE, "asin": "B0MOUNTING", "buyer": {"name": "Pat"}, "preferredAppointmentTimes": times}
        location = {"latitude": 40.0, "longitude": -73.0}
        await day.desk.call("POST", "orders", {**body, "serviceLocation": location})
        record = await day.plan(waiting=True)
        assert any(stop["books"] for route in record["days"][0]["routes"] for stop in route["stops"] if "books" in stop)
        # Two bookings that wait for a technician take the store's two at 20:00Z.
        for _ in range(2):
            await day.desk.world.book(await day.desk.world.order(), "2026-03-03T20:00:00Z")
        before = await day.teams()
        refused(await day.desk.call("POST", f"plans/{record['planId']}/apply"), 409, "slot is not available")
        assert await day.teams() == before
        assert (await day.desk.call("GET", f"plans/{record['planId']}")).json()["status"] == "DRAFT"


class TestUndo:
    async def test_as_before(self, day: Day) -> None:
        """Undoing puts back who was there, and takes back what was told."""
        before = await day.teams()
        record = await day.plan()
        await day.apply(record["planId"])
        undone = (await day.desk.call("POST", f"plans/{record['planId']}/undo")).json()
        assert (undone["status"], undone["assigned"], undone["told"]) == ("UNDONE", 3, 3)
        assert await day.teams() == before
        last = (await day.desk.events(day.here))[-1]
        assert "arrival" not in last.after["appointments"][0]
        refused(await day.desk.call("POST", f"plans/{record['planId']}/undo"), 409, "is UNDONE")

    async def test_what_changed_since_stays(self, day: Day) -> None:
        """A visit that somebody has changed since keeps its change, and is named."""
        record = await day.plan()
        await day.apply(record["planId"])
        await day.desk.world.assign(day.later, day.appointments[day.later], BOB)
        undone = (await day.desk.call("POST", f"plans/{record['planId']}/undo")).json()
        assert undone["kept"] == [day.later]
        assert await day.teams() == {day.here: [BOB], day.there: [ANN], day.later: [BOB]}

    async def test_only_what_was_applied(self, day: Day) -> None:
        """A draft has nothing to undo."""
        refused(await day.desk.call("POST", f"plans/{(await day.plan())['planId']}/undo"), 409, "is DRAFT")


class TestReading:
    async def test_pages(self, day: Day) -> None:
        """Plans are listed the newest first, by pages, and by their first day."""
        ids = []
        for _ in range(3):
            ids.append((await day.plan())["planId"])
            day.desk.world.clock.advance(1)
        first = (await day.desk.call("GET", "plans", params={"limit": 2})).json()
        assert [one["planId"] for one in first["plans"]] == ids[:0:-1]
        second = (await day.desk.call("GET", "plans", params={"limit": 2, "after": first["next"]})).json()
        assert ([one["planId"] for one in second["plans"]], "next" in second) == (ids[:1], False)
        assert (await day.desk.call("GET", "plans", params={"firstDay": "2026-03-04"})).json()["plans"] == []

    async def test_compare(self, day: Day) -> None:
        """Figures side by side, beside those of what is assigned."""
        one, other = await day.plan(), await day.plan(freezeUntil="2026-03-03T16:00:00Z")
        body = {"planIds": [one["planId"], other["planId"]]}
        compared = (await day.desk.call("POST", "plans/compare", body)).json()
        assert compared["before"] == one["before"]
        driving = [plan["figures"]["travelSeconds"] for plan in compared["plans"]]
        assert driving[0] < driving[1]
        refused(await day.desk.call("POST", "plans/compare", {"planIds": ["x", "y"]}), 404, "no plan x")


class TestExport:
    async def test_csv(self, day: Day) -> None:
        """A row for each stop; a cell that a spreadsheet would run is quoted."""
        await day.desk.call("PATCH", f"technicians/{ANN}", {"name": "=cmd()"})
        file = await self._file(day, "csv")
        assert (file["contentType"], file["fileName"]) == ("text/csv", "plan-2026-03-03.csv")
        lines = file["content"].split("\r\n")
        assert lines[0].startswith("date,technicianId,technician,position,serviceJobId")
        assert (len(lines), lines[1].split(",")[:4]) == (5, ["2026-03-03", ANN, "'=cmd()", "1"])

    async def test_geojson(self, day: Day) -> None:
        """A line for each route from home to home, a point for each stop, longitude first."""
        places = json.loads((await self._file(day, "geojson"))["content"])
        lines = [one for one in places["features"] if one["geometry"]["type"] == "LineString"]
        assert len(lines) == 2
        assert lines[0]["geometry"]["coordinates"] == [[-73.0, 40.0], [-73.0, 40.0], [-73.0, 40.01], [-73.0, 40.0]]
        points = [one for one in places["features"] if one["properties"]["kind"] == "stop"]
        assert len(points) == 3

    async def test_sheet(self, day: Day) -> None:
        """A page of its own with a drawn map, names escaped, nothing fetched from elsewhere."""
        await day.desk.call("PATCH", f"technicians/{ANN}", {"name": "Ann <script>"})
        page = (await self._file(day, "html"))["content"]
        assert "Ann &lt;script&gt;" in page
        assert "<script" not in page
        assert page.count("<polyline") == 4  # two on the map of all, one on each technician's own
        assert "10:00–11:00" in page  # 15:00Z in New York
        assert "http" not in page

    async def test_of_one_technician(self, day: Day) -> None:
        """One technician's sheet tells nothing of the others."""
        page = (await self._file(day, "html", technicianId=BOB))["content"]
        assert day.there in page
        assert day.here not in page

    async def test_erased(self, day: Day) -> None:
        """What was erased since is in no file."""
        plan_id = (await day.plan())["planId"]
        for job_id in (day.here, day.there, day.later):
            await day.desk.call("POST", f"jobs/{job_id}/cancel-as-buyer", {})
        await day.desk.call("DELETE", "/operator/v1/buyers/A1BUYER")
        page = (await day.desk.call("GET", f"plans/{plan_id}/export", params={"format": "html"})).json()["content"]
        assert day.here in page
        assert "Main St" not in page
        assert "Pat Doe" not in page

    async def _file(self, day: Day, file_format: str, **params: str) -> dict[str, Any]:
        plan_id = (await day.plan())["planId"]
        answer = await day.desk.call("GET", f"plans/{plan_id}/export", params={"format": file_format, **params})
        assert answer.status_code == 200, answer.text
        file: dict[str, Any] = answer.json()
        return file


async def test_all_stores(day: Day) -> None:
    """Without stores named, all are planned; those that share no technician are days of their own."""
    await day.desk.call("PATCH", f"technicians/{CID}", {"homeLatitude": 40.0, "homeLongitude": -73.0})
    job_id = await day.desk.world.order(store=BRANCH, asin="B0CLEANING")
    await put(day.desk, job_id, NEAR)
    await day.desk.world.book(job_id, "2026-03-03T15:00:00Z")
    record = await day.plan(storeIds=[])
    routes = {tuple(one["storeIds"]): len(one["routes"]) for one in record["days"]}
    assert routes[STORE,] == 2
    assert routes[BRANCH,] == 1


async def test_too_much(day: Day, monkeypatch: pytest.MonkeyPatch) -> None:
    """More visits than a plan takes are refused, with how many there are."""
    monkeypatch.setattr("fieldserve.operations.plan_problems.MOST_VISITS", 2)
    refused(await day.desk.call("POST", "plans", QUICK), 409, "3 visits")
