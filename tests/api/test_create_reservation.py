"""Creating reservations, through HTTP."""

import asyncio
from typing import Any

import httpx2
import pytest

from tests.calls import IN_US, RESERVATION, caller_in_canada_too, faults, record, reserve, runs
from tests.world import ANN, BOB, CANADA, CID, OTHER_STORE, STORE, World

HOUR = record("2026-03-03T15:00:00Z", "2026-03-03T16:00:00Z")
DAY = ("2026-03-03T14:00:00Z", "2026-03-03T22:00:00Z")
WARNING = {
    "code": "AppointmentOverlap",
    "message": "This reservation overlaps appointments of the resource; they stay as they are",
}


async def create(
    world: World, type: Any = "BREAK", availability: Any = HOUR, resource: Any = STORE, **kwargs: Any
) -> httpx2.Response:
    kwargs = {"params": IN_US} | kwargs
    body = {"resourceId": resource, "reservation": {"type": type, "availability": availability}}
    return await world.call("POST", RESERVATION, json=body, **kwargs)


class TestCreateReservation:
    async def test_anonymous(self, world: World) -> None:
        """Without a token nothing is told."""
        answer = await create(world, headers={"x-amz-access-token": ""})
        assert (answer.status_code, faults(answer)[0][0]) == (403, "Unauthorized")

    async def test_whole_reservation(self, world: World) -> None:
        """The answer is the whole reservation in UTC, under an id of the server's; the one sent is ignored."""
        sent = record("2026-03-03T10:00:00.00-05", "2026-03-03T11:00:00.00-05")
        body = {"resourceId": STORE, "reservation": {"reservationId": "mine", "type": "TRAINING", "availability": sent}}
        answer = await world.call("POST", RESERVATION, params=IN_US, json=body)
        reservation = answer.json()["payload"]["reservation"]
        assert len(reservation["reservationId"]) == 36
        assert answer.json() == {
            "payload": {
                "reservation": {
                    "type": "TRAINING",
                    "availability": {
                        "startTime": "2026-03-03T15:00:00Z",
                        "endTime": "2026-03-03T16:00:00Z",
                        "capacity": 1,
                    },
                    "reservationId": reservation["reservationId"],
                }
            }
        }
        assert await world.kinds(reservation["reservationId"]) == ["reservation.created"]

    @pytest.mark.parametrize("type", ["TRAVEL", "VACATION", "BREAK", "TRAINING"])
    async def test_reserves(self, world: World, type: str) -> None:
        """All types but one reserve."""
        await reserve(world, type, *DAY, capacity=2)
        assert await runs(world, "RESERVED_CAPACITY", *DAY) == [(*DAY, 2)]
        assert await runs(world, "ENCUMBERED_CAPACITY", *DAY) == [(*DAY, 0)]
        assert await runs(world, "AVAILABLE_CAPACITY", *DAY) == [(*DAY, 0)]

    async def test_appointment_encumbers(self, world: World) -> None:
        """One of type APPOINTMENT encumbers, and takes slots from buyers."""
        await reserve(world, "APPOINTMENT", *DAY)
        assert await runs(world, "ENCUMBERED_CAPACITY", *DAY) == [(*DAY, 1)]
        assert await world.free("2026-03-03T15:00:00Z") == 1

    async def test_appointment_that_does_not_fit(self, world: World) -> None:
        """More than is available is refused inside the answer, as sent and without an id; nothing is stored."""
        await world.book(await world.order(), "2026-03-03T15:00:00Z")
        sent = record("2026-03-03T15:30:00.000-00:00", "2026-03-03T17:00:00Z", 2)
        answer = await create(world, "APPOINTMENT", sent)
        assert answer.status_code == 200
        assert answer.json() == {
            "payload": {
                "reservation": {"type": "APPOINTMENT", "availability": sent},
                "errors": [
                    {
                        "code": "CapacityNotAvailable",
                        "message": "The resource does not have 2 of available capacity throughout the reservation",
                    }
                ],
            }
        }
        window = ("2026-03-03T16:00:00Z", "2026-03-03T17:00:00Z")
        assert await runs(world, "ENCUMBERED_CAPACITY", *window) == [(*window, 0)]
        assert "errors" not in await reserve(world, "APPOINTMENT", *window, capacity=2)

    async def test_appointment_off_schedule(self, world: World) -> None:
        """There is nothing available where nothing is scheduled."""
        found = await reserve(world, "APPOINTMENT", "2026-03-03T21:30:00Z", "2026-03-03T22:30:00Z")
        assert found["errors"][0]["code"] == "CapacityNotAvailable"

    async def test_any_occurrence(self, world: World) -> None:
        """A recurring one fits if every occurrence does: the sixth is an hour off when the clocks change on 8 March."""
        # 17:00 in New York ends the day: 16:00–17:00 local stays inside hours on both sides of the change.
        fits = await reserve(
            world, "APPOINTMENT", "2026-03-03T21:00:00Z", "2026-03-03T22:00:00Z", endTime="2026-03-13T00:00:00Z"
        )
        assert "errors" not in fits
        await reserve(world, "VACATION", "2026-03-11T14:00:00Z", "2026-03-11T15:00:00Z", capacity=2)
        # 10:00–11:00 local is 15:00Z until the 7th, and 14:00Z from the 8th, where the vacation leaves nothing.
        refused = await reserve(
            world, "APPOINTMENT", "2026-03-03T15:00:00Z", "2026-03-03T16:00:00Z", endTime="2026-03-13T00:00:00Z"
        )
        assert refused["errors"][0]["code"] == "CapacityNotAvailable"
        assert refused["reservation"]["availability"]["recurrence"] == {"endTime": "2026-03-13T00:00:00Z"}
        shorter = await reserve(
            world, "APPOINTMENT", "2026-03-03T15:00:00Z", "2026-03-03T16:00:00Z", endTime="2026-03-11T00:00:00Z"
        )
        assert "errors" not in shorter

    async def test_warning(self, world: World) -> None:
        """Another type may lie across an appointment, of a job or reserved, and says so."""
        job = await world.order()
        await world.assign(job, await world.book(job, "2026-03-03T15:00:00Z"), ANN)
        for resource in (STORE, ANN):
            found = await reserve(world, "VACATION", *DAY, resource)
            assert found["warnings"] == [WARNING]
            assert found["reservation"]["reservationId"]
        assert "warnings" not in await reserve(world, "VACATION", *DAY, BOB)
        await reserve(world, "APPOINTMENT", "2026-03-04T15:00:00Z", "2026-03-04T16:00:00Z", CID)
        assert (await reserve(world, "BREAK", "2026-03-04T15:59:00Z", "2026-03-04T17:00:00Z", CID))["warnings"] == [
            WARNING
        ]
        assert "warnings" not in await reserve(world, "BREAK", "2026-03-04T16:00:00Z", "2026-03-04T17:00:00Z", CID)

    async def test_last_unit(self, world: World) -> None:
        """Of ten at once for a capacity of 2 exactly two fit."""
        answers = await asyncio.gather(*(create(world, "APPOINTMENT") for _ in range(10)))
        refused = ["errors" in answer.json()["payload"] for answer in answers]
        assert sorted(refused) == [False] * 2 + [True] * 8
        hour = ("2026-03-03T15:00:00Z", "2026-03-03T16:00:00Z")
        assert await runs(world, "ENCUMBERED_CAPACITY", *hour) == [(*hour, 2)]

    @pytest.mark.parametrize("resource", ["nowhere", OTHER_STORE])
    async def test_unknown_and_foreign_alike(self, world: World, resource: str) -> None:
        """An unknown resource, and another seller's, is told in a 200."""
        answer = await create(world, resource=resource)
        assert answer.status_code == 200
        expected = {"errors": [{"code": "InvalidInput", "message": "Invalid request parameters: [resourceId]"}]}
        assert answer.json() == expected

    async def test_another_marketplace(self, world: World) -> None:
        """A resource is unknown in a marketplace that is not its own."""
        headers = await caller_in_canada_too(world)
        answer = await create(world, params={"marketplaceIds": CANADA}, headers=headers)
        assert faults(answer) == [("InvalidInput", "Invalid request parameters: [resourceId]")]

    async def test_outside_the_authorization(self, world: World) -> None:
        """The seller's own store, or a technician of other stores only, is a 403."""
        headers = {"x-amz-access-token": await world.token(stores=frozenset({"store-2"}))}
        statuses = [(await create(world, resource=one, headers=headers)).status_code for one in (STORE, ANN, CID)]
        assert statuses == [403, 403, 200]

    @pytest.mark.parametrize(
        ("body", "named"),
        [
            ({}, "resourceId"),
            ({"resourceId": "", "reservation": {}}, "resourceId"),
            ({"resourceId": "x" * 101, "reservation": {}}, "resourceId"),
            ({"resourceId": STORE}, "reservation"),
            ({"resourceId": STORE, "reservation": {}}, "reservation"),
            ({"resourceId": STORE, "reservation": {"type": "BREAK", "availability": {}}}, "reservation"),
            ({"resourceId": STORE, "reservation": {"type": "LUNCH", "availability": HOUR}}, "reservation.type"),
        ],
    )
    async def test_invalid(self, world: World, body: dict[str, Any], named: str) -> None:
        """A missing or malformed member is named; the resource before the reservation."""
        answer = await world.call("POST", RESERVATION, params=IN_US, json=body)
        assert answer.status_code == 400
        assert faults(answer) == [("InvalidInput", f"Missing or invalid request parameters: [{named}]")]
