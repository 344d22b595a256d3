"""What the edge refuses for every operation on resources alike."""

from collections.abc import Awaitable
from typing import Any

import pytest

from fieldserve.api.edge import Call
from fieldserve.api.endpoints import ENDPOINTS
from fieldserve.store.engine import Unavailable, Use
from fieldserve.wire.operations import BY_ID
from tests.calls import IN_US, RESERVATION, RESOURCES, faults, record
from tests.world import ASIN, CANADA, STORE, World

HOUR = ("2026-03-03T15:00:00Z", "2026-03-03T16:00:00Z")
_RESERVE = {"resourceId": STORE, "reservation": {"type": "BREAK", "availability": record(*HOUR)}}
_QUERY = {"startDateTime": HOUR[0], "endDateTime": HOUR[1]}

# Path, further query and body of a request that is in order, by operation.
REQUESTS: dict[str, tuple[str, dict[str, str], Any]] = {
    "getRangeSlotCapacity": (f"{RESOURCES}/{STORE}/capacity/range", {}, _QUERY),
    "getFixedSlotCapacity": (f"{RESOURCES}/{STORE}/capacity/fixed", {}, _QUERY),
    "updateSchedule": (f"{RESOURCES}/{STORE}/schedules", {}, {"schedules": [record(*HOUR)]}),
    "createReservation": (RESERVATION, {}, _RESERVE),
    "updateReservation": (f"{RESERVATION}/r1", {}, _RESERVE),
    "cancelReservation": (f"{RESERVATION}/r1", {}, None),
    "getAppointmmentSlotsByJobId": ("/service/v1/serviceJobs/job-1/appointmentSlots", {}, None),
    "getAppointmentSlots": ("/service/v1/appointmentSlots", {"asin": ASIN, "storeId": STORE}, None),
}
WITH_BODY = [id for id, (_, _, body) in REQUESTS.items() if body is not None]


async def ask(world: World, id: str, **kwargs: Any) -> Any:
    path, query, body = REQUESTS[id]
    params = query | IN_US | kwargs.pop("params", {})
    if "content" not in kwargs:
        kwargs["json"] = body
    return await world.call(BY_ID[id].method, path, params=params, **kwargs)


@pytest.mark.parametrize("id", REQUESTS)
class TestEveryOperation:
    async def test_marketplace_not_granted(self, world: World, id: str) -> None:
        """A marketplace in which the authorization has no part is a 403, whatever the ids."""
        answer = await ask(world, id, params={"marketplaceIds": CANADA})
        assert answer.status_code == 403
        assert faults(answer) == [
            ("UnauthorizedAction", "Not authorized to access this resource. Please check your input again.")
        ]

    async def test_quota(self, world: World, id: str) -> None:
        """A bucket of one is empty after one request."""
        headers = {"x-amz-access-token": await world.token(usage_plan={id: (0.1, 1)})}
        statuses = [(await ask(world, id, headers=headers)).status_code for _ in range(2)]
        assert statuses[0] != 429
        assert statuses[1] == 429

    async def test_defect(self, world: World, id: str, monkeypatch: pytest.MonkeyPatch) -> None:
        """A defect of the server is a 500 that tells nothing of it."""

        async def fail(call: Call) -> Any:
            raise ZeroDivisionError("a secret")

        monkeypatch.setitem(ENDPOINTS, id, fail)
        answer = await ask(world, id)
        assert answer.status_code == 500
        assert faults(answer) == [("InternalFailure", "We encountered an internal error. Please try again.")]
        assert "secret" not in answer.text

    async def test_database_away(self, world: World, id: str, monkeypatch: pytest.MonkeyPatch) -> None:
        """A database that goes away after the caller was authenticated is a 503."""
        endpoint = ENDPOINTS[id]

        def away(use: Use[Any], **_: Any) -> Awaitable[Any]:
            raise Unavailable("gone")

        async def without_database(call: Call) -> Any:
            with monkeypatch.context() as patch:
                patch.setattr(type(world.context.database), "read", staticmethod(away))
                patch.setattr(type(world.context.database), "write", staticmethod(away))
                return await endpoint(call)

        monkeypatch.setitem(ENDPOINTS, id, without_database)
        answer = await ask(world, id)
        assert answer.status_code == 503
        assert faults(answer) == [("ServiceUnavailable", "The service is temporarily unavailable. Please try again.")]


@pytest.mark.parametrize("id", WITH_BODY)
class TestWithBody:
    async def test_too_large(self, world: World, id: str) -> None:
        """A body over the limit is not read to its end."""
        answer = await ask(world, id, content=b" " * (world.context.settings.body_limit + 1))
        assert (answer.status_code, faults(answer)[0][0]) == (413, "RequestTooLarge")

    async def test_wrong_type(self, world: World, id: str) -> None:
        """Only JSON is read."""
        answer = await ask(world, id, content=b"a=1", headers={"content-type": "text/plain"})
        assert (answer.status_code, faults(answer)[0][0]) == (415, "UnsupportedMediaType")

    async def test_no_json(self, world: World, id: str) -> None:
        """What is no JSON is a 400 in the operation's words."""
        answer = await ask(world, id, content=b'{"reservation":')
        assert answer.status_code == 400
        assert "not valid JSON" in answer.json()["errors"][0]["details"]
