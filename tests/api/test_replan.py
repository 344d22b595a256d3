"""Plans of a day that did not go as planned, and why visits are where they are."""

import asyncio
from typing import Any

import pytest

from fieldserve.wire.times import parse
from tests.day import HERE, Day, a_day, put
from tests.desk import ON_ONE_DATABASE, Desk, refused
from tests.world import ANN, BOB, SELLER, STORE


@pytest.fixture
async def day(desk: Desk) -> Day:
    return await a_day(desk)


@pytest.fixture
async def running(day: Day) -> tuple[Day, str]:
    """The plan is in force: Ann has the job HERE at 15:00Z and the one next door at 18:00Z, Bob the one THERE at
    15:00Z, 73 minutes away. Everybody was told half an hour from then."""
    plan_id = (await day.plan())["planId"]
    await day.apply(plan_id)
    return day, plan_id


async def replan(day: Day, plan_id: str, *events: dict[str, Any], **more: Any) -> dict[str, Any]:
    body = {"events": list(events), "iterations": 30, **more}
    answer = await day.desk.call("POST", f"plans/{plan_id}/replan", body)
    assert answer.status_code == 201, answer.text
    record: dict[str, Any] = answer.json()
    assert record["basePlanId"] == plan_id
    return record


def changes(record: dict[str, Any]) -> dict[str, list[str]]:
    return {one["serviceJobId"]: one["what"] for one in record["changes"]}


def start_of(record: dict[str, Any], job_id: str) -> str:
    found = [one for day in record["days"] for route in day["routes"] for one in route["stops"]]
    start: str = next(one["start"] for one in found if one["serviceJobId"] == job_id)
    return start


class TestIllness:
    async def test_somebody_else_comes(self, running: tuple[Day, str]) -> None:
        """Ann is ill from 16:30Z: Bob, who is done THERE at 16:00Z, takes her last visit, at the time that was told."""
        day, plan_id = running
        event = {"kind": "ILLNESS", "technicianId": ANN, "at": "2026-03-03T16:30:00Z"}
        record = await replan(day, plan_id, event)
        assert changes(record) == {day.later: ["TECHNICIANS"]}
        await day.apply(record["planId"])
        assert await day.teams() == {day.here: [ANN], day.there: [BOB], day.later: [BOB]}

    async def test_nobody_can(self, running: tuple[Day, str]) -> None:
        """Bob is ill all day, and Ann is HERE when his visit has to begin: it is left out, and he is taken off it."""
        day, plan_id = running
        event = {"kind": "ILLNESS", "technicianId": BOB, "at": "2026-03-03T05:00:00Z"}
        record = await replan(day, plan_id, event, lateMinutes=0)
        assert changes(record) == {day.there: ["LEFT_OUT"]}
        await day.apply(record["planId"])
        assert (await day.teams())[day.there] == []

    async def test_frozen_all_the_same(self, running: tuple[Day, str]) -> None:
        """Whoever is ill stays nowhere, whatever is frozen; the rest of what is frozen stays."""
        day, plan_id = running
        event = {"kind": "ILLNESS", "technicianId": BOB, "at": "2026-03-03T05:00:00Z"}
        record = await replan(day, plan_id, event, freezeUntil="2026-03-03T20:00:00Z", lateMinutes=0)
        assert changes(record) == {day.there: ["LEFT_OUT"]}


class TestOverrun:
    async def test_room_enough(self, running: tuple[Day, str]) -> None:
        """A quarter of an hour more HERE pushes nobody: nothing changes."""
        day, plan_id = running
        day.desk.world.clock.instant = parse("2026-03-03T15:50:00Z")
        event = {"kind": "OVERRUN", "serviceJobId": day.here, "minutes": 15}
        assert changes(await replan(day, plan_id, event)) == {}

    async def test_told_anew(self, running: tuple[Day, str]) -> None:
        """HERE lasts until 18:30Z. Ann is next door a few minutes later, which is dearer than Bob's two hours on the
        road; the customer is told so, and nobody else anything."""
        day, plan_id = running
        day.desk.world.clock.instant = parse("2026-03-03T15:50:00Z")
        event = {"kind": "OVERRUN", "serviceJobId": day.here, "until": "2026-03-03T18:30:00Z"}
        record = await replan(day, plan_id, event)
        assert changes(record) == {day.later: ["TOLD"]}
        (change,) = record["changes"]
        assert "2026-03-03T18:30:00Z" < start_of(record, day.later) < "2026-03-03T18:40:00Z"
        assert change["told"] == {"start": "2026-03-03T18:30:00Z", "end": "2026-03-03T19:00:00Z"}
        assert change["toldBefore"] == {"start": "2026-03-03T18:00:00Z", "end": "2026-03-03T18:30:00Z"}

    async def test_what_has_begun_stays(self, running: tuple[Day, str]) -> None:
        """At 15:50Z both first visits are under way, and stay with those who are there."""
        day, plan_id = running
        day.desk.world.clock.instant = parse("2026-03-03T15:50:00Z")
        event = {"kind": "OVERRUN", "serviceJobId": day.here, "minutes": 1}
        routes = (await replan(day, plan_id, event))["days"][0]["routes"]
        assert {one["technicianId"]: one["stops"][0].get("pinned") for one in routes} == {ANN: True, BOB: True}


@pytest.mark.parametrize("kind", ["NO_SHOW", "CANCELLATION"])
async def test_does_not_come_about(running: tuple[Day, str], kind: str) -> None:
    """The visit is left out by name, its technician is free, and nobody else notices."""
    day, plan_id = running
    record = await replan(day, plan_id, {"kind": kind, "serviceJobId": day.here})
    assert changes(record) == {day.here: ["LEFT_OUT"]}
    (left_out,) = record["days"][0]["leftOut"]
    assert (left_out["reason"], left_out["techniciansBefore"]) == (kind, [ANN])
    await day.apply(record["planId"])
    assert await day.teams() == {day.here: [], day.there: [BOB], day.later: [ANN]}


async def test_cancelled_meanwhile(running: tuple[Day, str]) -> None:
    """A job that was cancelled by then is simply not there any more."""
    day, plan_id = running
    await day.desk.call("POST", f"jobs/{day.here}/cancel-as-buyer", {})
    record = await replan(day, plan_id, {"kind": "CANCELLATION", "serviceJobId": day.here})
    assert (changes(record), record["days"][0]["leftOut"]) == ({}, [])


class TestEmergency:
    async def test_on_another_day(self, running: tuple[Day, str]) -> None:
        """A job that is booked for another day is not moved by a plan of this one, and the plan says so."""
        day, plan_id = running
        job_id = await day.desk.world.order()
        await day.desk.world.book(job_id, "2026-03-04T20:00:00Z")
        event = {"kind": "EMERGENCY", "serviceJobId": job_id, "until": "2026-03-03T20:00:00Z"}
        record = await replan(day, plan_id, event)
        assert record["changes"] == []
        assert record["days"][0]["notices"] == [f"EMERGENCY: {job_id} is nothing of these days that could be planned."]

    async def test_booked_in_time(self, running: tuple[Day, str]) -> None:
        """A job that waits and has to be done by 18:00Z is booked on a slot that ends by then, beside Ann's two."""
        day, plan_id = running
        day.desk.world.clock.instant = parse("2026-03-03T12:00:00Z")
        job_id = await day.desk.world.order()
        await put(day.desk, job_id, HERE)
        event = {"kind": "EMERGENCY", "serviceJobId": job_id, "until": "2026-03-03T18:00:00Z"}
        record = await replan(day, plan_id, event)
        assert changes(record)[job_id] == ["BOOKED", "TECHNICIANS", "TOLD"]
        assert set(changes(record)) == {job_id}
        assert start_of(record, job_id)[11:16] in ("14:00", "16:00", "17:00")
        assert (await day.apply(record["planId"]))["booked"] == 1

    async def test_too_late(self, running: tuple[Day, str]) -> None:
        """Where no slot is left in time it is left out, and the plan says so."""
        day, plan_id = running
        day.desk.world.clock.instant = parse("2026-03-03T12:00:00Z")
        job_id = await day.desk.world.order()
        await put(day.desk, job_id, HERE)
        event = {"kind": "EMERGENCY", "serviceJobId": job_id, "until": "2026-03-03T14:30:00Z"}
        record = await replan(day, plan_id, event)
        assert [one["serviceJobId"] for one in record["days"][0]["leftOut"]] == [job_id]
        assert record["changes"] == []


async def test_from_where_they_are(running: tuple[Day, str]) -> None:
    """Bob's visit THERE was recorded as done at 16:00Z: the way to the next begins THERE, 43 km away, not at home."""
    day, plan_id = running
    await day.desk.call("PATCH", f"technicians/{BOB}", {"homeLatitude": HERE[0], "homeLongitude": HERE[1]})
    day.desk.world.clock.instant = parse("2026-03-03T16:05:00Z")
    path = f"/service/v1/serviceJobs/{day.there}/appointments/{day.appointments[day.there]}/fulfillment"
    times = {"startTime": "2026-03-03T15:00:00Z", "endTime": "2026-03-03T16:00:00Z"}
    assert (await day.desk.world.call("PUT", path, json={"fulfillmentTime": times})).status_code == 204
    event = {"kind": "ILLNESS", "technicianId": ANN, "at": "2026-03-03T16:30:00Z"}
    record = await replan(day, plan_id, event)
    (route,) = [one for one in record["days"][0]["routes"] if one["technicianId"] == BOB]
    assert [one["serviceJobId"] for one in route["stops"]] == [day.later]
    assert route["stops"][0]["travelMetres"] == pytest.approx(41_920, rel=0.01)  # 0.29° of latitude


async def test_only_what_is_in_force(day: Day) -> None:
    """A draft is planned anew by planning; only what is applied is replanned."""
    plan_id = (await day.plan())["planId"]
    body = {"events": [{"kind": "ILLNESS", "technicianId": ANN}]}
    refused(await day.desk.call("POST", f"plans/{plan_id}/replan", body), 409, "is DRAFT")


@ON_ONE_DATABASE
@pytest.mark.parametrize(
    ("event", "words"),
    [
        ({"kind": "OVERRUN", "serviceJobId": "j"}, "minutes or until"),
        ({"kind": "NO_SHOW"}, "serviceJobId"),
        ({"kind": "ILLNESS"}, "technicianId"),
        ({"kind": "EMERGENCY", "serviceJobId": "j"}, "until"),
        ({"kind": "ILLNESS", "technicianId": "t", "at": "soon"}, "events[0].at"),
        ({"kind": "STORM"}, "kind"),
    ],
)
async def test_refused(desk: Desk, event: dict[str, Any], words: str) -> None:
    """What an event lacks is named."""
    refused(await desk.call("POST", "plans/p/replan", {"events": [event]}), 400, words)


class TestExplain:
    async def test_planned(self, day: Day) -> None:
        """Who comes, the next best and what they would cost, of each visit."""
        plan_id = (await day.plan())["planId"]
        answer = (await day.desk.call("GET", f"plans/{plan_id}/explanation")).json()
        explained = {one["serviceJobId"]: one for one in answer["visits"]}
        assert set(explained) == {day.here, day.there, day.later}
        later = explained[day.later]
        assert (later["technicianId"], later["start"]) == (ANN, "2026-03-03T18:00:00Z")
        (other,) = later["alternatives"]
        assert other["technicianId"] == BOB
        assert other["extraSeconds"] > 7_000  # an hour there, an hour back
        assert "would drive" in later["message"]

    async def test_refusals(self, day: Day) -> None:
        """Of those who cannot, what keeps them."""
        await day.desk.call("PATCH", f"technicians/{BOB}", {"skills": ["TYRES"]})
        plan_id = (await day.plan())["planId"]
        params = {"serviceJobId": day.later}
        (one,) = (await day.desk.call("GET", f"plans/{plan_id}/explanation", params=params)).json()["visits"]
        assert one["refused"] == {BOB: "lacks TV"}

    async def test_left_out(self, day: Day) -> None:
        """Of a visit that is left out, the rule and what would make it fit."""
        await day.desk.call("PATCH", f"technicians/{BOB}", {"skills": ["TYRES"]})
        record = await day.plan()
        (left_out,) = record["days"][0]["leftOut"]
        params = {"serviceJobId": left_out["serviceJobId"]}
        path = f"plans/{record['planId']}/explanation"
        (one,) = (await day.desk.call("GET", path, params=params)).json()["visits"]
        assert one["reason"] == left_out["reason"]
        assert left_out["message"] in one["message"]

    async def test_not_in_the_plan(self, day: Day) -> None:
        """A job that is not of the plan is 404."""
        plan_id = (await day.plan())["planId"]
        answer = await day.desk.call("GET", f"plans/{plan_id}/explanation", params={"serviceJobId": "nothing"})
        refused(answer, 404, "no visit of job nothing")


async def test_two_apply_at_once(day: Day) -> None:
    """Of two plans of the same day that are applied at the same moment exactly one is; the other is outdated."""
    one, other = await day.plan(), await day.plan(seed=2)
    answers = await asyncio.gather(
        *(day.desk.call("POST", f"plans/{record['planId']}/apply") for record in (one, other))
    )
    assert sorted(answer.status_code for answer in answers) == [200, 409]
    assert await day.teams() == {day.here: [ANN], day.there: [BOB], day.later: [ANN]}


class TestWhoElseIsBusy:
    async def test_two_for_one_visit(self, day: Day) -> None:
        """A visit with two technicians stays one with two, who both come at its time."""
        await day.desk.world.assign(day.later, day.appointments[day.later], ANN, BOB)
        record = await day.plan()
        stops = [
            (route["technicianId"], stop["start"], stop["technicians"])
            for route in record["days"][0]["routes"]
            for stop in route["stops"]
            if stop["serviceJobId"] == day.later
        ]
        assert stops == [(one, "2026-03-03T18:00:00Z", [ANN, BOB]) for one in (ANN, BOB)]
        assert record["figures"]["assigned"] == 3

    async def test_overbooked_stays(self, day: Day) -> None:
        """Of two visits at once that both have begun and are Ann's, neither is taken from her by a plan."""
        await day.desk.world.assign(day.here, day.appointments[day.here], ANN)
        await day.desk.world.assign(day.there, day.appointments[day.there], ANN)
        day.desk.world.clock.instant = parse("2026-03-03T15:20:00Z")
        record = await day.plan()
        (planned,) = record["days"]
        assert planned["leftOut"] == []
        assert "stays with ann" in planned["notices"][0]
        await day.apply(record["planId"])
        teams = await day.teams()
        assert (teams[day.here], teams[day.there]) == ([ANN], [ANN])

    async def test_another_store(self, day: Day) -> None:
        """What Ann does for a store that is not planned stays hers, and keeps her."""
        branch = "store-2"
        await day.desk.call("PATCH", f"technicians/{ANN}", {"storeIds": [STORE, branch], "skills": ["TV"]})
        job_id = await day.desk.world.order(store=branch)
        await put(day.desk, job_id, HERE)
        appointment_id = await day.desk.world.book(job_id, "2026-03-03T18:00:00Z")
        await day.desk.world.assign(job_id, appointment_id, ANN)
        routes = {one["technicianId"]: one for one in (await day.plan())["days"][0]["routes"]}
        assert [one["serviceJobId"] for one in routes[ANN]["stops"]] == [day.here, job_id]
        assert day.later in [one["serviceJobId"] for one in routes[BOB]["stops"]]

    async def test_leave(self, day: Day) -> None:
        """Whoever is on leave gets nothing; here Ann, from 17:00Z on."""
        availability = {"startTime": "2026-03-03T17:00:00Z", "endTime": "2026-03-03T22:00:00Z"}
        body = {"resourceId": ANN, "reservation": {"type": "TRAINING", "availability": availability}}
        params = {"marketplaceIds": "ATVPDKIKX0DER"}
        assert (await day.desk.world.call("POST", "/service/v1/reservation", json=body, params=params)).is_success
        routes = {one["technicianId"]: one for one in (await day.plan())["days"][0]["routes"]}
        assert [one["serviceJobId"] for one in routes[ANN]["stops"]] == [day.here]
        assert [one["serviceJobId"] for one in routes[BOB]["stops"]] == [day.there, day.later]


async def test_seller_is_told_apart(running: tuple[Day, str]) -> None:
    """The plan is SELLER's, and under no other's path."""
    day, plan_id = running
    path = f"/operator/v1/sellers/A2SELLER/plans/{plan_id}/replan"
    body = {"events": [{"kind": "ILLNESS", "technicianId": ANN}]}
    refused(await day.desk.call("POST", path, body), 404, "no plan")
    assert SELLER not in path
