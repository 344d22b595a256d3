"""Reading capacity slot by slot, through HTTP."""

from typing import Any

import httpx2
import pytest

from tests.calls import IN_US, RESOURCES, faults, reserve
from tests.world import OTHER_STORE, STORE, World

TYPES = ["RESERVED_CAPACITY", "ENCUMBERED_CAPACITY", "AVAILABLE_CAPACITY", "SCHEDULED_CAPACITY"]
HOURS = {"startDateTime": "2026-03-03T13:00:00Z", "endDateTime": "2026-03-03T16:30:00Z"}


async def ask(world: World, resource: str = STORE, *, json: Any = HOURS, **kwargs: Any) -> httpx2.Response:
    kwargs = {"params": IN_US} | kwargs
    return await world.call("POST", f"{RESOURCES}/{resource}/capacity/fixed", json=json, **kwargs)


class TestGetFixedSlotCapacity:
    async def test_anonymous(self, world: World) -> None:
        """Without a token nothing is told."""
        answer = await ask(world, headers={"x-amz-access-token": ""})
        assert (answer.status_code, faults(answer)[0][0]) == (403, "Unauthorized")

    async def test_defaults(self, world: World) -> None:
        """An hour each, the schedule alone, zeros written, the half hour at the end left out."""
        assert (await ask(world)).json() == {
            "resourceId": STORE,
            "slotDuration": 60,
            "capacities": [
                {"startDateTime": "2026-03-03T13:00:00Z", "scheduledCapacity": 0},
                {"startDateTime": "2026-03-03T14:00:00Z", "scheduledCapacity": 2},
                {"startDateTime": "2026-03-03T15:00:00Z", "scheduledCapacity": 2},
            ],
        }

    async def test_least_and_greatest(self, world: World) -> None:
        """Of a slot in which a break of half an hour lies, the least is available and the greatest reserved."""
        await reserve(world, "BREAK", "2026-03-03T15:15:00Z", "2026-03-03T15:45:00Z")
        found = (await ask(world, json=HOURS | {"capacityTypes": TYPES})).json()["capacities"]
        assert found[2] == {
            "startDateTime": "2026-03-03T15:00:00Z",
            "scheduledCapacity": 2,
            "availableCapacity": 1,
            "encumberedCapacity": 0,
            "reservedCapacity": 1,
        }
        assert list(found[1]) == list(found[2])
        assert found[1]["reservedCapacity"] == 0

    async def test_pages_of_whole_slots(self, world: World) -> None:
        """55 minutes do not divide 35 days: a page holds 916 whole slots, and the next begins where it ended."""
        body = {"startDateTime": "2026-03-03T05:00:00Z", "endDateTime": "2026-04-17T05:00:00Z", "slotDuration": 55}
        first = (await ask(world, json=body)).json()
        assert (first["slotDuration"], len(first["capacities"])) == (55, 916)
        second = (await ask(world, json=body, params=IN_US | {"nextPageToken": first["nextPageToken"]})).json()
        # 45 days are 64,800 minutes, 1,178 whole slots; 916 × 55 = 50,380 minutes are 34 days, 23 hours, 40 minutes.
        assert len(second["capacities"]) == 1178 - 916
        assert second["capacities"][0]["startDateTime"] == "2026-04-07T04:40:00Z"
        assert "nextPageToken" not in second
        answer = await ask(
            world, json=body | {"slotDuration": 60}, params=IN_US | {"nextPageToken": first["nextPageToken"]}
        )
        assert "nextPageToken does not belong" in answer.json()["errors"][0]["details"]

    @pytest.mark.parametrize("minutes", [0, 4, 7, 365, -5, 12.5])
    async def test_slot_duration(self, world: World, minutes: float) -> None:
        """A multiple of 5 from 5 to 360."""
        answer = await ask(world, json=HOURS | {"slotDuration": minutes})
        assert (answer.status_code, faults(answer)) == (400, [("InvalidInput", "This is invalid input")])
        assert "Slot duration is not valid" in answer.json()["errors"][0]["details"]

    @pytest.mark.parametrize("resource", ["nowhere", OTHER_STORE])
    async def test_unknown_and_foreign_alike(self, world: World, resource: str) -> None:
        """An unknown resource, and another seller's, is not found."""
        answer = await ask(world, resource)
        assert answer.status_code == 404
        assert faults(answer) == [("NotFound", f"No resource exists with resourceId : {resource}")]
