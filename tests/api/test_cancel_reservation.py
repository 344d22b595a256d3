"""Cancelling reservations, through HTTP."""

import asyncio
from typing import Any

import httpx2

from tests.calls import IN_US, RESERVATION, caller_in_canada_too, faults, reserve, runs
from tests.world import BRANCH, CANADA, OTHER_SELLER, World

DAY = ("2026-03-03T14:00:00Z", "2026-03-03T22:00:00Z")


async def cancel(world: World, id: str, **kwargs: Any) -> httpx2.Response:
    kwargs = {"params": IN_US} | kwargs
    return await world.call("DELETE", f"{RESERVATION}/{id}", **kwargs)


async def reserved(world: World) -> str:
    payload = await reserve(world, "APPOINTMENT", *DAY)
    id: str = payload["reservation"]["reservationId"]
    return id


class TestCancelReservation:
    async def test_anonymous(self, world: World) -> None:
        """Without a token nothing is told."""
        answer = await cancel(world, "r1", headers={"x-amz-access-token": ""})
        assert (answer.status_code, faults(answer)[0][0]) == (403, "Unauthorized")

    async def test_gives_back(self, world: World) -> None:
        """The time is free again; a 204 has no bytes."""
        id = await reserved(world)
        answer = await cancel(world, id)
        assert (answer.status_code, answer.content) == (204, b"")
        assert await runs(world, "AVAILABLE_CAPACITY", *DAY) == [(*DAY, 2)]
        assert await world.kinds(id) == ["reservation.created", "reservation.cancelled"]

    async def test_once(self, world: World) -> None:
        """Of five at once one cancels; the others no longer find it."""
        id = await reserved(world)
        answers = await asyncio.gather(*(cancel(world, id) for _ in range(5)))
        assert sorted(answer.status_code for answer in answers) == [204] + [404] * 4
        assert faults(await cancel(world, id)) == [("InvalidInput", "Reservation does not exist")]

    async def test_unknown_and_foreign_alike(self, world: World) -> None:
        """Another seller's reservation is answered exactly as one that never existed, and stays."""
        id = await reserved(world)
        answers = [await cancel(world, one, seller=OTHER_SELLER) for one in (id, "no-such")]
        assert [answer.status_code for answer in answers] == [404, 404]
        assert answers[0].text == answers[1].text
        assert (await cancel(world, id)).status_code == 204

    async def test_another_marketplace(self, world: World) -> None:
        """A reservation is unknown in a marketplace that is not its resource's."""
        headers = await caller_in_canada_too(world)
        answer = await cancel(world, await reserved(world), params={"marketplaceIds": CANADA}, headers=headers)
        assert faults(answer) == [("InvalidInput", "Reservation does not exist")]

    async def test_outside_the_authorization(self, world: World) -> None:
        """A reservation of a store that was not granted is a 403, and stays."""
        id = await reserved(world)
        headers = {"x-amz-access-token": await world.token(stores=frozenset({BRANCH}))}
        assert (await cancel(world, id, headers=headers)).status_code == 403
        assert (await cancel(world, id)).status_code == 204

    async def test_invalid(self, world: World) -> None:
        """What is missing or malformed is named."""
        answer = await cancel(world, "x" * 101, params={})
        names = "reservationId, marketplaceIds"
        assert faults(answer) == [("InvalidInput", f"Missing or invalid request parameters: [{names}]")]
