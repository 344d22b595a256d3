"""Short ways to call the operations on resources, shared by their tests."""

from typing import Any

import httpx2

from fieldserve.store import sellers
from fieldserve.store.sellers import Seller
from tests.world import CANADA, NOW, SELLER, STORE, US, World

RESOURCES = "/service/v1/serviceResources"
RESERVATION = "/service/v1/reservation"
IN_US = {"marketplaceIds": US}


def faults(answer: httpx2.Response) -> list[tuple[str, str]]:
    """Codes and messages of an answer's errors."""
    return [(one["code"], one["message"]) for one in answer.json()["errors"]]


def record(start: str, end: str, capacity: int | None = None, **recurrence: Any) -> dict[str, Any]:
    """An availability record as callers send it."""
    sent: dict[str, Any] = {"startTime": start, "endTime": end}
    if capacity is not None:
        sent["capacity"] = capacity
    return sent | ({"recurrence": recurrence} if recurrence else {})


async def reserve(
    world: World, type: str, start: str, end: str, resource: str = STORE, capacity: int | None = None, **recurrence: Any
) -> dict[str, Any]:
    """Create a reservation; answers the payload, which may hold errors."""
    body = {"resourceId": resource, "reservation": {"type": type, "availability": record(start, end, capacity)}}
    if recurrence:
        body["reservation"]["availability"]["recurrence"] = recurrence  # type: ignore[index]
    answer = await world.call("POST", RESERVATION, params=IN_US, json=body)
    assert answer.status_code == 200, answer.text
    payload: dict[str, Any] = answer.json()["payload"]
    return payload


async def runs(world: World, type: str, start: str, end: str, resource: str = STORE) -> list[tuple[str, str, int]]:
    """The runs of one capacity type as getRangeSlotCapacity answers them."""
    body = {"capacityTypes": [type], "startDateTime": start, "endDateTime": end}
    answer = await world.call("POST", f"{RESOURCES}/{resource}/capacity/range", params=IN_US, json=body)
    assert answer.status_code == 200, answer.text
    (found,) = answer.json()["capacities"]
    return [(one["startDateTime"], one["endDateTime"], one["capacity"]) for one in found["slots"]]


async def caller_in_canada_too(world: World) -> dict[str, str]:
    """The header of an authorization for two marketplaces, in both of which the seller takes part."""
    both = frozenset({US, CANADA})
    await world.write(lambda c: sellers.update(c, Seller(SELLER, f"Seller {SELLER}", both, NOW)))
    return {"x-amz-access-token": await world.token(marketplaces=both)}
