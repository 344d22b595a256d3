"""Slots that can be driven to, and bookings by the same rule."""

import asyncio
from typing import Any

import pytest

from fieldserve.operations.places import set_job_place
from fieldserve.operations.run import Caller
from fieldserve.wire.places import SetJobPlace
from tests.desk import Desk, refused
from tests.world import ANN, ASIN, BOB, PLAIN_ASIN, SELLER, STORE, US, World

# Tuesday, 3 March: the store is open from 14:00Z to 22:00Z. Two places 0.3° of latitude apart: 33.4 km as the crow
# flies, 43.4 km of road; at 36 to 38 km/h 69 to 72 minutes, and two for the trip.
HERE, THERE = (40.0, -73.0), (40.3, -73.0)
DAY = {"startTime": "2026-03-03T00:00:00Z", "endTime": "2026-03-04T00:00:00Z"}


async def job_at(world: World, place: tuple[float, float] | None, asin: str = ASIN) -> str:
    job_id = await world.order(asin=asin)
    if place is not None:
        ask = SetJobPlace(latitude=place[0], longitude=place[1])
        await set_job_place(world.context, Caller(SELLER, actor="test"), job_id, ask)
    return job_id


async def open_hours(world: World, job_id: str) -> list[int]:
    """The hours, UTC, at which the job's slots have room."""
    answer = await world.call(
        "GET", f"/service/v1/serviceJobs/{job_id}/appointmentSlots", params={"marketplaceIds": US, **DAY}
    )
    assert answer.status_code == 200, answer.text
    slots = answer.json()["payload"]["appointmentSlots"]
    return [int(one["startTime"][11:13]) for one in slots if one["capacity"] > 0]


async def refusal(world: World, job_id: str, start: str) -> str:
    body = {"appointmentTime": {"startTime": start}}
    answer = await world.call("POST", f"/service/v1/serviceJobs/{job_id}/appointments", json=body)
    assert answer.status_code == 422
    message: str = answer.json()["errors"][0]["message"]
    return message


@pytest.fixture
async def alone(desk: Desk) -> Desk:
    """Ann alone, with a visit HERE from 17:00Z to 18:00Z, in a store whose slots leave time to drive."""
    await desk.call("PATCH", f"technicians/{BOB}", {"registered": False})
    answer = await desk.call("PATCH", f"stores/{STORE}", {"travelAwareSlots": True})
    assert answer.json()["travelAwareSlots"] is True
    first = await job_at(desk.world, HERE)
    appointment_id = await desk.world.book(first, "2026-03-03T17:00:00Z")
    await desk.world.assign(first, appointment_id, ANN)
    return desk


async def test_off_by_default(desk: Desk) -> None:
    """A store answers the plain rule unless it is asked to leave time."""
    await desk.call("PATCH", f"technicians/{BOB}", {"registered": False})
    first = await job_at(desk.world, HERE)
    await desk.world.assign(first, await desk.world.book(first, "2026-03-03T17:00:00Z"), ANN)
    assert await open_hours(desk.world, await job_at(desk.world, THERE)) == [14, 15, 16, 18, 19, 20, 21]


async def test_time_to_get_there_and_on(alone: Desk) -> None:
    """THERE is more than an hour away: neither 15 (done at 16, HERE at 17:11) nor 19 (leaves at 18, there at 19:11)."""
    assert await open_hours(alone.world, await job_at(alone.world, THERE)) == [14, 20, 21]


async def test_next_door(alone: Desk) -> None:
    """In the same house no time is lost."""
    assert await open_hours(alone.world, await job_at(alone.world, HERE)) == [14, 15, 16, 18, 19, 20, 21]


async def test_place_unknown(alone: Desk) -> None:
    """A job without a place, and a search without a job, get the plain rule."""
    assert await open_hours(alone.world, await job_at(alone.world, None)) == [14, 15, 16, 18, 19, 20, 21]
    assert await alone.world.free("2026-03-03T16:00:00Z") == 1


async def test_booking_by_the_same_rule(alone: Desk) -> None:
    """What is not offered is not booked, what is offered is; each in its own transaction."""
    job_id = await job_at(alone.world, THERE)
    for hour in (15, 16, 17, 18, 19):
        assert "slot is not available" in await refusal(alone.world, job_id, f"2026-03-03T{hour}:00:00Z")
    await alone.world.book(job_id, "2026-03-03T20:00:00Z")


async def test_waiting_visits_count(alone: Desk) -> None:
    """A booking that nobody is assigned to yet keeps the one technician as far as a drive away."""
    await alone.world.book(await job_at(alone.world, THERE), "2026-03-03T20:00:00Z")
    # HERE: 14 to 16 as before; 18 ends at 19, but whoever is free has to be THERE at 20, 71 minutes away.
    assert await open_hours(alone.world, await job_at(alone.world, HERE)) == [14, 15, 16]


async def test_moving_does_not_drive_from_itself(alone: Desk) -> None:
    """An appointment that moves is no neighbour of its own new time."""
    job_id = await job_at(alone.world, THERE)
    appointment_id = await alone.world.book(job_id, "2026-03-03T20:00:00Z")
    await alone.world.assign(job_id, appointment_id, ANN)
    body = {"appointmentTime": {"startTime": "2026-03-03T21:00:00Z"}, "rescheduleReasonCode": "R1"}
    answer = await alone.world.call(
        "POST", f"/service/v1/serviceJobs/{job_id}/appointments/{appointment_id}", json=body
    )
    assert answer.status_code == 200, answer.text
    assert "warnings" not in answer.json()


async def test_two_at_once(alone: Desk) -> None:
    """Of two jobs too far apart for one technician, booked at the same moment, exactly one gets its slot."""
    jobs = [await job_at(alone.world, THERE), await job_at(alone.world, HERE)]
    starts = ["2026-03-03T20:00:00Z", "2026-03-03T21:00:00Z"]

    async def book(job_id: str, start: str) -> Any:
        body = {"appointmentTime": {"startTime": start}}
        return await alone.world.call("POST", f"/service/v1/serviceJobs/{job_id}/appointments", json=body)

    answers = await asyncio.gather(*map(book, jobs, starts))
    assert sorted(one.status_code for one in answers) == [200, 422]


async def test_service_without_skills(alone: Desk) -> None:
    """Another service is under the same rule: half-hour cleanings THERE, the last that ends by 15:48 at 15:00."""
    hours = await open_hours(alone.world, await job_at(alone.world, THERE, PLAIN_ASIN))
    # 17:00 − 71 min = 15:49; starts 14:00, 14:30 and 15:00 end in time, 15:30 does not. From 18:00 + 71 min: 19:30 on.
    assert hours == [14, 14, 15, 19, 20, 20, 21, 21]


class TestSmart:
    """Slots by the travel that they add. Nobody's home is known until a test tells it."""

    @pytest.fixture
    async def smart(self, alone: Desk) -> Desk:
        answer = await alone.call("PATCH", f"stores/{STORE}", {"travelAwareSlots": False, "smartSlots": True})
        assert answer.json()["smartSlots"] is True
        await alone.call("PATCH", f"technicians/{ANN}", {"homeLatitude": 40.3, "homeLongitude": -73.0})
        return alone

    async def test_nearest_first(self, smart: Desk) -> None:
        """Ann lives THERE, 73 minutes from HERE. HERE, the days without a visit cost the way there and back; on the
        3rd she is HERE anyway, and every slot of that day comes before all others, in the order of time."""
        job_id = await job_at(smart.world, HERE)
        answer = await smart.world.call(
            "GET", f"/service/v1/serviceJobs/{job_id}/appointmentSlots", params={"marketplaceIds": US}
        )
        starts = [one["startTime"] for one in answer.json()["payload"]["appointmentSlots"] if one["capacity"] > 0]
        first = [one for one in starts if one.startswith("2026-03-03")]
        assert sorted(first) == sorted(starts[: len(first)])
        assert len(first) == 7
        rest = starts[len(first) :]
        assert rest != sorted(rest), "the speeds of the hours tell the others apart"

    async def test_what_it_adds(self, smart: Desk) -> None:
        """At the day's end HERE adds what the later hour makes of the way home, and no more; two days on, all of it.

        43.4 km at 29 km/h take 5,384 s, at 38 km/h 4,109 s; each trip 120 more."""
        job_id = await job_at(smart.world, HERE)
        params = {"startTime": "2026-03-03T00:00:00Z", "endTime": "2026-03-05T00:00:00Z"}
        answer = await smart.call("GET", f"jobs/{job_id}/ranked-slots", params=params)
        rows = {one["startTime"]: one for one in answer.json()["slots"]}
        assert {one["technicianId"] for one in rows.values()} == {ANN}
        # The way home at 22:00Z, 17:00 by the clock there, at 28 km/h, less the one at 21:00Z at 29: 5,576 − 5,384.
        last = rows["2026-03-03T21:00:00Z"]["addedTravelSeconds"]
        assert 150 < last < 250
        whole = rows["2026-03-04T17:00:00Z"]["addedTravelSeconds"]
        assert 8_000 < whole < 9_000
        assert [one["addedTravelSeconds"] for one in answer.json()["slots"]] == sorted(
            one["addedTravelSeconds"] for one in answer.json()["slots"]
        )

    async def test_full_slots_last(self, smart: Desk) -> None:
        """Full slots are listed all the same, behind those with room, in the order of time."""
        job_id = await job_at(smart.world, HERE)
        answer = await smart.world.call(
            "GET", f"/service/v1/serviceJobs/{job_id}/appointmentSlots", params={"marketplaceIds": US, **DAY}
        )
        slots = answer.json()["payload"]["appointmentSlots"]
        assert (slots[-1]["startTime"], slots[-1]["capacity"], len(slots)) == ("2026-03-03T17:00:00Z", 0, 8)

    async def test_nobody_knows_where(self, smart: Desk) -> None:
        """Without a place the slots come in the order of time."""
        job_id = await job_at(smart.world, None)
        assert await open_hours(smart.world, job_id) == [14, 15, 16, 18, 19, 20, 21]
        rows = (await smart.call("GET", f"jobs/{job_id}/ranked-slots")).json()["slots"]
        assert all("addedTravelSeconds" not in one for one in rows)

    async def test_unknown_job(self, smart: Desk) -> None:
        """A job that is not there is 404; half a window is 400."""
        refused(await smart.call("GET", "jobs/nothing/ranked-slots"), 404, "nothing")
        job_id = await job_at(smart.world, HERE)
        answer = await smart.call("GET", f"jobs/{job_id}/ranked-slots", params={"startTime": "2026-03-03T00:00:00Z"})
        refused(answer, 400, "endTime")
