"""Replacing reservations, through HTTP."""

import asyncio
from typing import Any

import httpx2
import pytest

from tests.calls import IN_US, RESERVATION, caller_in_canada_too, faults, record, reserve, runs
from tests.world import ANN, BRANCH, CANADA, OTHER_SELLER, OTHER_STORE, STORE, World

DAY = ("2026-03-03T14:00:00Z", "2026-03-03T22:00:00Z")
HOUR = ("2026-03-03T15:00:00Z", "2026-03-03T16:00:00Z")
UNKNOWN = {"errors": [{"code": "InvalidInput", "message": "Invalid request parameters: [resourceId]"}]}


async def update(
    world: World, id: str, type: Any = "BREAK", availability: Any = None, resource: Any = STORE, **kwargs: Any
) -> httpx2.Response:
    kwargs = {"params": IN_US} | kwargs
    body = {"resourceId": resource, "reservation": {"type": type, "availability": availability or record(*HOUR)}}
    return await world.call("PUT", f"{RESERVATION}/{id}", json=body, **kwargs)


async def reserved(world: World, type: str = "APPOINTMENT", **kwargs: Any) -> str:
    payload = await reserve(world, type, *DAY, **kwargs)
    id: str = payload["reservation"]["reservationId"]
    return id


class TestUpdateReservation:
    async def test_anonymous(self, world: World) -> None:
        """Without a token nothing is told."""
        answer = await update(world, "r1", headers={"x-amz-access-token": ""})
        assert (answer.status_code, faults(answer)[0][0]) == (403, "Unauthorized")

    async def test_new_id(self, world: World) -> None:
        """The answer is the whole new reservation under a new id; the old one is gone."""
        old = await reserved(world, "VACATION")
        answer = await update(world, old)
        found = answer.json()["payload"]["reservation"]
        assert found["reservationId"] != old
        assert found["type"] == "BREAK"
        assert found["availability"] == record(*HOUR, 1)
        whole = await runs(world, "RESERVED_CAPACITY", *DAY)
        assert [capacity for *_, capacity in whole] == [0, 1, 0]
        assert (await update(world, old)).status_code == 404
        assert await world.kinds(found["reservationId"]) == ["reservation.updated"]

    async def test_old_one_does_not_count(self, world: World) -> None:
        """A reservation of all there is can be replaced by one of all there is."""
        old = await reserved(world, capacity=2)
        answer = await update(world, old, "APPOINTMENT", record(*HOUR, 2))
        assert "errors" not in answer.json()["payload"]
        assert [capacity for *_, capacity in await runs(world, "ENCUMBERED_CAPACITY", *DAY)] == [0, 2, 0]

    async def test_refused(self, world: World) -> None:
        """One that does not fit is told inside the answer, and the old one stays under its id."""
        old = await reserved(world)
        answer = await update(world, old, "APPOINTMENT", record(*HOUR, 3))
        payload = answer.json()["payload"]
        assert payload["reservation"] == {"type": "APPOINTMENT", "availability": record(*HOUR, 3)}
        assert payload["errors"][0]["code"] == "CapacityNotAvailable"
        assert await runs(world, "ENCUMBERED_CAPACITY", *DAY) == [(*DAY, 1)]
        assert await world.kinds(old) == ["reservation.created"]
        assert "errors" not in (await update(world, old)).json()["payload"]

    async def test_to_another_resource(self, world: World) -> None:
        """It can move: the old resource has its time back."""
        old = await reserved(world, "VACATION")
        assert (await update(world, old, resource=ANN)).status_code == 200
        assert await runs(world, "RESERVED_CAPACITY", *DAY) == [(*DAY, 0)]
        assert await runs(world, "RESERVED_CAPACITY", *HOUR, ANN) == [(*HOUR, 1)]

    async def test_warning(self, world: World) -> None:
        """The old one, though for an appointment, is gone and no cause for a warning; another is."""
        old = await reserved(world)
        assert "warnings" not in (await update(world, old)).json()["payload"]
        await reserved(world)
        again = await reserved(world, "BREAK")
        assert (await update(world, again)).json()["payload"]["warnings"][0]["code"] == "AppointmentOverlap"

    async def test_once(self, world: World) -> None:
        """Of ten that replace the same one at once, one does; the others no longer find it."""
        old = await reserved(world)
        answers = await asyncio.gather(*(update(world, old, "APPOINTMENT") for _ in range(10)))
        assert sorted(answer.status_code for answer in answers) == [200] + [404] * 9
        assert [capacity for *_, capacity in await runs(world, "ENCUMBERED_CAPACITY", *DAY)] == [0, 1, 0]

    async def test_crosswise(self, world: World) -> None:
        """Two that change places between two resources at once both succeed: locks are taken in one order."""
        for _ in range(5):
            at_store, at_ann = await reserved(world, "BREAK"), await reserved(world, "BREAK", resource=ANN)
            answers = await asyncio.gather(update(world, at_store, resource=ANN), update(world, at_ann))
            assert [answer.status_code for answer in answers] == [200, 200]

    async def test_reservation_before_resource(self, world: World) -> None:
        """Where both are unknown, the reservation is told, with a 404."""
        answer = await update(world, "no-such", resource="nowhere")
        assert answer.status_code == 404
        assert faults(answer) == [("InvalidInput", "Could not find reservation with ID: [no-such]")]

    @pytest.mark.parametrize("resource", ["nowhere", OTHER_STORE])
    async def test_unknown_resource(self, world: World, resource: str) -> None:
        """An unknown resource, and another seller's, is told in a 200; the old one stays."""
        old = await reserved(world)
        answer = await update(world, old, resource=resource)
        assert (answer.status_code, answer.json()) == (200, UNKNOWN)
        assert await runs(world, "ENCUMBERED_CAPACITY", *DAY) == [(*DAY, 1)]

    async def test_foreign(self, world: World) -> None:
        """Another seller's reservation is answered exactly as one that never existed."""
        old = await reserved(world)
        answer = await update(world, old, resource=OTHER_STORE, seller=OTHER_SELLER)
        nowhere = await update(world, "no-such", resource=OTHER_STORE, seller=OTHER_SELLER)
        assert answer.status_code == nowhere.status_code == 404
        assert answer.text == nowhere.text.replace("no-such", old)

    async def test_another_marketplace(self, world: World) -> None:
        """A reservation is unknown in a marketplace that is not its resource's."""
        headers = await caller_in_canada_too(world)
        old = await reserved(world)
        answer = await update(world, old, params={"marketplaceIds": CANADA}, headers=headers)
        assert faults(answer) == [("InvalidInput", f"Could not find reservation with ID: [{old}]")]

    async def test_outside_the_authorization(self, world: World) -> None:
        """Neither from a store that was not granted, nor into one."""
        of_store, of_branch = await reserved(world), await reserved(world, resource=BRANCH)
        headers = {"x-amz-access-token": await world.token(stores=frozenset({BRANCH}))}
        assert (await update(world, of_store, resource=BRANCH, headers=headers)).status_code == 403
        assert (await update(world, of_branch, resource=STORE, headers=headers)).status_code == 403
        assert (await update(world, of_branch, resource=BRANCH, headers=headers)).status_code == 200

    @pytest.mark.parametrize(
        ("id", "body", "named"),
        [
            ("x" * 101, {"resourceId": STORE}, "reservationId, reservation"),
            ("r1", {"reservation": {}}, "resourceId"),
            ("r1", {"resourceId": STORE, "reservation": {"type": "BREAK"}}, "reservation"),
        ],
    )
    async def test_invalid(self, world: World, id: str, body: dict[str, Any], named: str) -> None:
        """What is missing or malformed is named."""
        answer = await world.call("PUT", f"{RESERVATION}/{id}", params=IN_US, json=body)
        assert answer.status_code == 400
        assert faults(answer) == [("InvalidInput", f"Missing or invalid request parameters: [{named}]")]
