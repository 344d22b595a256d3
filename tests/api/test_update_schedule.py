"""Setting schedules, through HTTP."""

from typing import Any

import httpx2
import pytest

from fieldserve.store import schedules
from fieldserve.wire.schedules import MOST_RECORDS
from tests.calls import IN_US, RESOURCES, caller_in_canada_too, faults, record, runs
from tests.world import ANN, CANADA, CID, OTHER_STORE, OTHER_TECHNICIAN, STORE, US, World

# In April nothing is scheduled in the small world's past; in 2028 nothing at all (its records repeat for 400 days).
MORNING = record("2028-04-03T09:00:00-04:00", "2028-04-03T12:00:00-04:00", 3)
LATE_MORNING = record("2028-04-03T11:00:00-04:00", "2028-04-03T13:00:00-04:00", 5)


async def put(world: World, *records: Any, resource: str = STORE, **kwargs: Any) -> httpx2.Response:
    kwargs = {"params": IN_US} | kwargs
    return await world.call("PUT", f"{RESOURCES}/{resource}/schedules", json={"schedules": [*records]}, **kwargs)


class TestUpdateSchedule:
    async def test_anonymous(self, world: World) -> None:
        """Without a token nothing is told."""
        answer = await put(world, MORNING, headers={"x-amz-access-token": ""})
        assert answer.status_code == 403
        assert faults(answer) == [("Unauthorized", "Access to requested resource is denied.")]

    async def test_nothing_to_tell(self, world: World) -> None:
        """Records that lie apart are applied and answered by an empty object; who did what is logged."""
        answer = await put(world, MORNING, record("2028-04-04T09:00:00-04:00", "2028-04-04T12:00:00-04:00"))
        assert (answer.status_code, answer.content) == (200, b"{}")
        assert await runs(world, "SCHEDULED_CAPACITY", "2028-04-03T12:00:00Z", "2028-04-04T13:30:00Z") == [
            ("2028-04-03T12:00:00Z", "2028-04-03T13:00:00Z", 0),
            ("2028-04-03T13:00:00Z", "2028-04-03T16:00:00Z", 3),
            ("2028-04-03T16:00:00Z", "2028-04-04T13:00:00Z", 0),
            ("2028-04-04T13:00:00Z", "2028-04-04T13:30:00Z", 1),
        ]
        assert await world.kinds(STORE) == ["schedule.updated"]

    async def test_override(self, world: World) -> None:
        """What overlaps the current schedule is applied above it, and echoed in UTC with the warning."""
        await put(world, MORNING)
        answer = await put(world, LATE_MORNING)
        assert answer.json() == {
            "payload": [
                {
                    "availability": {
                        "startTime": "2028-04-03T15:00:00Z",
                        "endTime": "2028-04-03T17:00:00Z",
                        "capacity": 5,
                    },
                    "warnings": [
                        {
                            "code": "ScheduleOverride",
                            "message": "This AvailabilityRecord will override the current schedule as the time-ranges "
                            "overlap",
                        }
                    ],
                }
            ]
        }
        # The later one's capacity holds, not the sum.
        assert await runs(world, "SCHEDULED_CAPACITY", "2028-04-03T13:00:00Z", "2028-04-03T17:00:00Z") == [
            ("2028-04-03T13:00:00Z", "2028-04-03T15:00:00Z", 3),
            ("2028-04-03T15:00:00Z", "2028-04-03T17:00:00Z", 5),
        ]

    async def test_override_within_the_call(self, world: World) -> None:
        """An earlier record of the same call is overridden, too; only the later record is told."""
        answer = await put(world, LATE_MORNING, MORNING)
        (told,) = answer.json()["payload"]
        assert told["availability"]["endTime"] == "2028-04-03T16:00:00Z"
        assert await runs(world, "SCHEDULED_CAPACITY", "2028-04-03T13:00:00Z", "2028-04-03T17:00:00Z") == [
            ("2028-04-03T13:00:00Z", "2028-04-03T16:00:00Z", 3),
            ("2028-04-03T16:00:00Z", "2028-04-03T17:00:00Z", 5),
        ]

    async def test_recurrence_keeps_wall_clock_time(self, world: World) -> None:
        """9:00 in New York is 14:00Z before the clocks change on 12 March 2028 and 13:00Z after."""
        weekdays = ["SATURDAY", "SUNDAY", "MONDAY"]
        sent = record(
            "2028-03-10T14:00:00Z", "2028-03-10T15:00:00Z", endTime="2028-03-14T00:00:00Z", daysOfWeek=weekdays
        )
        assert (await put(world, sent)).content == b"{}"
        found = await runs(world, "SCHEDULED_CAPACITY", "2028-03-10T00:00:00Z", "2028-03-20T00:00:00Z")
        assert [start for start, _, capacity in found if capacity] == [
            "2028-03-11T14:00:00Z",
            "2028-03-12T13:00:00Z",
            "2028-03-13T13:00:00Z",
        ]

    @pytest.mark.parametrize(
        ("sent", "reason"),
        [
            (record("2028-04-03T12:00:00Z", "2028-04-03T12:00:00Z"), "endTime should be after startTime"),
            ({"startTime": "2028-04-03T12:00:00Z"}, "endTime is required"),
            (record("soon", "2028-04-03T12:00:00Z"), "startTime is not a valid ISO date/time object"),
            (
                record("9999-12-31T00:00:00Z", "9999-12-31T01:00:00Z"),
                "startTime is too close to an end of the calendar",
            ),
            (record("2028-04-03T12:00:00Z", "2028-04-03T13:00:00Z", 0), "capacity should be from 1 to 1000000"),
            (
                record("2028-04-03T12:00:00Z", "2028-04-03T13:00:00Z", daysOfWeek=["MONDAY"]),
                "recurrence.endTime is required",
            ),
            (
                record(
                    "2028-04-03T12:00:00Z", "2028-04-03T13:00:00Z", endTime="2028-05-03T12:00:00Z", daysOfMonth=[32]
                ),
                "recurrence.daysOfMonth should hold days from 1 to 31",
            ),
        ],
    )
    async def test_record_at_fault(self, world: World, sent: dict[str, Any], reason: str) -> None:
        """A record at fault is echoed as it was sent, unknown members and all; the others are applied."""
        sent = sent | {"note": "ours"}
        answer = await put(world, MORNING, sent)
        assert answer.status_code == 200
        assert answer.json() == {
            "payload": [{"availability": sent, "errors": [{"code": "InvalidInput", "message": reason}]}]
        }
        found = await runs(world, "SCHEDULED_CAPACITY", "2028-04-03T13:00:00Z", "2028-04-03T14:00:00Z")
        assert found == [("2028-04-03T13:00:00Z", "2028-04-03T14:00:00Z", 3)]

    async def test_nothing_applied(self, world: World) -> None:
        """When all records are at fault nothing is stored, and nothing logged."""
        answer = await put(world, {}, {"startTime": 5})
        assert [len(one["errors"]) for one in answer.json()["payload"]] == [1, 1]
        assert await world.kinds(STORE) == []

    async def test_technician_is_one_person(self, world: World) -> None:
        """A technician's capacity is 1: a record with more is at fault."""
        answer = await put(world, MORNING, record("2028-04-03T09:00:00Z", "2028-04-03T12:00:00Z", 1), resource=ANN)
        assert answer.json()["payload"] == [
            {
                "availability": MORNING,
                "errors": [{"code": "InvalidInput", "message": "capacity of a technician should be 1"}],
            }
        ]
        found = await runs(world, "SCHEDULED_CAPACITY", "2028-04-03T09:00:00Z", "2028-04-03T12:00:00Z", ANN)
        assert found == [("2028-04-03T09:00:00Z", "2028-04-03T12:00:00Z", 1)]

    @pytest.mark.parametrize("resource", ["nowhere", OTHER_STORE, OTHER_TECHNICIAN])
    async def test_unknown_and_foreign_alike(self, world: World, resource: str) -> None:
        """An unknown resource, and another seller's, is told in a 200."""
        answer = await put(world, MORNING, resource=resource)
        assert answer.status_code == 200
        expected = {"errors": [{"code": "InvalidInput", "message": "Invalid request parameters: [resourceId]"}]}
        assert answer.json() == expected

    async def test_another_marketplace(self, world: World) -> None:
        """A resource is unknown in a marketplace that is not its own."""
        headers = await caller_in_canada_too(world)
        answer = await put(world, MORNING, params={"marketplaceIds": CANADA}, headers=headers)
        assert faults(answer) == [("InvalidInput", "Invalid request parameters: [resourceId]")]
        assert (await put(world, MORNING, headers=headers)).content == b"{}"

    async def test_stores_of_the_authorization(self, world: World) -> None:
        """An authorization for one store reaches that store and its technicians, and no other."""
        headers = {"x-amz-access-token": await world.token(stores=frozenset({STORE}))}
        one = record("2028-04-03T09:00:00Z", "2028-04-03T12:00:00Z")
        statuses = [
            (await put(world, one, resource=each, headers=headers)).status_code for each in (STORE, ANN, "store-2", CID)
        ]
        assert statuses == [200, 200, 403, 403]

    @pytest.mark.parametrize("body", [{"schedules": []}, {}, {"schedules": None}])
    async def test_no_records(self, world: World, body: dict[str, Any]) -> None:
        """No records at all is a 400 that names the parameter as the model does."""
        answer = await world.call("PUT", f"{RESOURCES}/{STORE}/schedules", params=IN_US, json=body)
        assert answer.status_code == 400
        assert faults(answer) == [("InvalidInput", "Missing or invalid request parameters: [schedule]")]

    async def test_resource_before_records(self, world: World) -> None:
        """Where both are at fault, the resource id alone is told."""
        answer = await world.call("PUT", f"{RESOURCES}/{'x' * 101}/schedules", params=IN_US, json={"schedules": []})
        assert faults(answer) == [("InvalidInput", "Missing or invalid request parameters: [resourceId]")]

    async def test_too_many_records(self, world: World) -> None:
        """1,001 records are one too many."""
        answer = await put(world, *[MORNING] * (MOST_RECORDS + 1))
        assert faults(answer) == [("InvalidInput", "Missing or invalid request parameters: [schedule]")]
        assert "at most 1000 records, got 1001" in answer.json()["errors"][0]["details"]

    async def test_too_many_repetitions(self, world: World) -> None:
        """70 records, each daily for ten years, are more work than one call may cause: 70 × 3,650 = 255,500."""
        daily = [
            record(
                f"2028-04-03T{minute // 60:02d}:{minute % 60:02d}:00Z",
                f"2028-04-03T{minute // 60:02d}:{minute % 60:02d}:30Z",
                endTime="2038-04-01T00:00:00Z",
            )
            for minute in range(70)
        ]
        answer = await put(world, *daily)
        assert answer.status_code == 400
        assert "repeat too often" in answer.json()["errors"][0]["details"]
        assert await world.kinds(STORE) == []

    async def test_the_same_every_night(self, world: World) -> None:
        """Sending the same schedule again warns, changes nothing, and leaves no more records than before."""
        sent = record("2028-04-03T13:00:00Z", "2028-04-03T21:00:00Z", 2, endTime="2029-04-03T00:00:00Z")

        async def count() -> int:
            window = (0, 10**16)
            return len(await world.read(lambda c: schedules.numbered(c, "A1SELLER", STORE, window)))

        await put(world, sent, MORNING)
        before = await count()
        for _ in range(3):
            answer = await put(world, sent, MORNING)
            assert [len(one["warnings"]) for one in answer.json()["payload"]] == [1, 1]
        assert await count() == before == 3  # the world's own, and these two
        found = await runs(world, "SCHEDULED_CAPACITY", "2028-04-03T13:00:00Z", "2028-04-03T21:00:00Z")
        assert [capacity for *_, capacity in found] == [3, 2]

    async def test_marketplace_is_required(self, world: World) -> None:
        """marketplaceIds is a query parameter of its own."""
        answer = await put(world, MORNING, params={})
        assert faults(answer) == [("InvalidInput", "Missing or invalid request parameters: [marketplaceIds]")]
        answer = await put(world, MORNING, params={"marketplaceIds": f"{US},{CANADA}"})
        assert answer.status_code == 400
