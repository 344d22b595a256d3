"""Searching for slots by service and store, through HTTP."""

from typing import Any

import httpx2
import pytest

from fieldserve.domain.intervals import DAY, HOUR, MINUTE
from fieldserve.domain.services import Service
from fieldserve.domain.slots import ServiceRules
from fieldserve.store import services
from fieldserve.wire.times import render
from tests.calls import IN_US, caller_in_canada_too, faults, reserve
from tests.world import (
    ANN,
    ASIN,
    BOB,
    BRANCH,
    CANADA,
    HOURS_ONLY,
    NOW,
    OTHER_STORE,
    PLAIN_ASIN,
    SELLER,
    STORE,
    World,
)

PATH = "/service/v1/appointmentSlots"
TUESDAY = {"startTime": "2026-03-03T00:00:00Z", "endTime": "2026-03-04T00:00:00Z"}


async def search(world: World, asin: Any = ASIN, store: Any = STORE, **kwargs: Any) -> httpx2.Response:
    changes = kwargs.pop("params", {})
    params = {"asin": asin, "storeId": store, **IN_US, **changes}
    params = {name: value for name, value in params.items() if value is not None}
    return await world.call("GET", PATH, params=params, **kwargs)


async def listed(world: World, *args: Any, **params: Any) -> list[tuple[str, int]]:
    """Start and capacity of each slot."""
    answer = await search(world, *args, params=params)
    assert answer.status_code == 200, answer.text
    return [(one["startTime"], one["capacity"]) for one in answer.json()["payload"]["appointmentSlots"]]


class TestGetAppointmentSlots:
    async def test_anonymous(self, world: World) -> None:
        """Without a token nothing is told."""
        answer = await search(world, headers={"x-amz-access-token": ""})
        assert (answer.status_code, faults(answer)[0][0]) == (403, "Unauthorized")

    async def test_a_day(self, world: World) -> None:
        """Eight hours from 9 to 17 in New York, for as many as the store has room and technicians for."""
        await world.book(await world.order(), "2026-03-03T15:00:00Z")
        await reserve(world, "VACATION", "2026-03-03T20:00:00Z", "2026-03-03T22:00:00Z", ANN)
        await reserve(world, "VACATION", "2026-03-03T21:00:00Z", "2026-03-03T22:00:00Z", BOB)
        answer = await search(world, params=TUESDAY)
        payload = answer.json()["payload"]
        assert {name: payload[name] for name in payload if name != "appointmentSlots"} == {
            "schedulingType": "REAL_TIME_SCHEDULING",
            **TUESDAY,
        }
        capacities = [2, 1, 2, 2, 2, 2, 1, 0]  # from 14:00Z: the booking at 15:00Z, the leaves at 20:00Z and 21:00Z
        assert payload["appointmentSlots"] == [
            {
                "startTime": f"2026-03-03T{14 + number}:00:00Z",
                "endTime": f"2026-03-03T{15 + number}:00:00Z",
                "capacity": capacity,
            }
            for number, capacity in enumerate(capacities)
        ]

    async def test_skills(self, world: World) -> None:
        """The branch's one technician knows nothing of TVs: its slots are listed, none is free."""
        assert {capacity for _, capacity in await listed(world, ASIN, BRANCH, **TUESDAY)} == {0}
        assert {capacity for _, capacity in await listed(world, PLAIN_ASIN, BRANCH, **TUESDAY)} == {1}

    async def test_default_window(self, world: World) -> None:
        """From now and the service's two hours' notice until 14 days from now."""
        payload = (await search(world)).json()["payload"]
        assert (payload["startTime"], payload["endTime"]) == ("2026-03-02T10:00:00Z", "2026-03-16T08:00:00Z")
        # 2 to 15 March are 14 days of 8 hours.
        assert len(payload["appointmentSlots"]) == 14 * 8
        assert payload["appointmentSlots"][0]["startTime"] == "2026-03-02T14:00:00Z"
        assert payload["appointmentSlots"][-1]["startTime"] == "2026-03-15T20:00:00Z"  # an hour earlier in summer time

    async def test_notice_longer_than_the_window(self, world: World) -> None:
        """A service that wants 20 days' notice has no slot within 14 days, and says so with an empty window."""
        rules = ServiceRules(HOUR, HOUR, 20 * DAY, 0, 0, frozenset(), "IN_HOME")
        await world.write(lambda c: services.add(c, SELLER, Service("B0PLANNING", "Planning", rules), NOW))
        payload = (await search(world, "B0PLANNING")).json()["payload"]
        assert payload["startTime"] == payload["endTime"] == render(NOW + 20 * DAY)
        assert payload["appointmentSlots"] == []
        params = {"startTime": render(NOW + 19 * DAY), "endTime": render(NOW + 21 * DAY)}
        assert [capacity for _, capacity in await listed(world, "B0PLANNING", **params)] == [0] * 8 + [2] * 8

    async def test_notice(self, world: World) -> None:
        """At 13:00Z with two hours' notice 14:00Z is too soon; it is listed all the same."""
        world.clock.advance(5 * HOUR)
        params = {"startTime": "2026-03-02T13:00:00Z", "endTime": "2026-03-02T17:00:00Z"}
        assert await listed(world, **params) == [
            ("2026-03-02T14:00:00Z", 0),
            ("2026-03-02T15:00:00Z", 2),
            ("2026-03-02T16:00:00Z", 2),
        ]

    async def test_hours_only(self, world: World) -> None:
        """A store whose own system holds the inventory answers its hours, whatever is booked."""
        await world.book(await world.order(store=HOURS_ONLY), "2026-03-03T15:00:00Z")
        answer = (await search(world, ASIN, HOURS_ONLY, params=TUESDAY)).json()["payload"]
        assert answer["schedulingType"] == "NON_REAL_TIME_SCHEDULING"
        assert answer["appointmentSlots"] == [
            {"startTime": "2026-03-03T14:00:00Z", "endTime": "2026-03-03T22:00:00Z", "capacity": 2}
        ]

    async def test_offsets(self, world: World) -> None:
        """Times may carry offsets; answers are UTC."""
        found = await listed(world, startTime="2026-03-03T09:30:00-05:00", endTime="2026-03-03T11:00:00-05")
        assert found == [("2026-03-03T15:00:00Z", 2)]

    async def test_ninety_days(self, world: World) -> None:
        """90 days are answered, an hour more is refused."""
        end = render(NOW + 90 * DAY)
        found = await listed(world, startTime=render(NOW), endTime=end)
        assert len(found) == 90 * 8
        answer = await search(world, params={"startTime": render(NOW - HOUR), "endTime": end})
        assert faults(answer) == [("InvalidInput", "Range End Time should be at most 90 days after Range Start Time")]

    async def test_observed(self, world: World) -> None:
        """Every search is noted with what it found, for figures of demand."""
        await listed(world, ASIN, BRANCH, **TUESDAY)
        await listed(world, PLAIN_ASIN, STORE, **TUESDAY)
        await search(world, "B0NOTHINGS")
        first, second = world.context.observations.take()
        assert (first.kind, first.seller_id, first.subject, first.at) == ("slots.searched", SELLER, BRANCH, NOW)
        assert first.after == {
            "asin": ASIN,
            "storeId": BRANCH,
            "start": NOW + 16 * HOUR,
            "end": NOW + 40 * HOUR,
            "slots": 8,
            "free": 0,
        }
        assert (second.after["slots"], second.after["free"]) == (16, 16)

    @pytest.mark.parametrize("store", ["nowhere", OTHER_STORE, ANN])
    async def test_unknown_store(self, world: World, store: str) -> None:
        """An unknown store, another seller's, and a technician are not found; the store is told before the service."""
        answer = await search(world, "B0NOTHINGS", store)
        assert answer.status_code == 404
        assert faults(answer) == [("NotFound", f"No store exists with storeId : {store}")]

    async def test_unknown_service(self, world: World) -> None:
        """A service that the seller does not offer is not found."""
        answer = await search(world, "B0NOTHINGS")
        assert answer.status_code == 404
        assert faults(answer) == [("NotFound", "No service exists with asin : B0NOTHINGS")]

    async def test_another_marketplace(self, world: World) -> None:
        """A store is unknown in a marketplace that is not its own."""
        headers = await caller_in_canada_too(world)
        answer = await search(world, params={"marketplaceIds": CANADA}, headers=headers)
        assert faults(answer) == [("NotFound", f"No store exists with storeId : {STORE}")]

    async def test_outside_the_authorization(self, world: World) -> None:
        """A store, or a marketplace, that was not granted is a 403."""
        headers = {"x-amz-access-token": await world.token(stores=frozenset({BRANCH}))}
        assert (await search(world, headers=headers)).status_code == 403
        assert (await search(world, ASIN, BRANCH, headers=headers)).status_code == 200
        answer = await search(world, params={"marketplaceIds": CANADA})
        assert (answer.status_code, faults(answer)[0][0]) == (403, "UnauthorizedAction")

    @pytest.mark.parametrize(
        ("params", "message"),
        [
            ({"asin": None, "endTime": "soon"}, "Missing or invalid request parameters: [asin]"),
            ({"asin": None, "storeId": None}, "Missing or invalid request parameters: [asin, storeId]"),
            ({"endTime": "20-21-04-04T01:00:00Z"}, "Range End Time is not a valid ISO date/time object"),
            ({"startTime": "soon"}, "Range Start Time is not a valid ISO date/time object"),
            ({"startTime": "2026-03-03T00:00:00Z"}, "Missing or invalid request parameters: [endTime]"),
            ({"endTime": "2026-03-03T00:00:00Z"}, "Missing or invalid request parameters: [startTime]"),
            (TUESDAY | {"endTime": "2026-03-03T00:00:00Z"}, "Range End Time should be after Range Start Time"),
        ],
    )
    async def test_invalid(self, world: World, params: dict[str, Any], message: str) -> None:
        """Parameters have to be there before times are parsed, and times are parsed before they are paired."""
        answer = await search(world, params={"storeId": "nowhere", **params})
        assert answer.status_code == 400
        assert faults(answer) == [("InvalidInput", message)]

    async def test_what_is_listed_can_be_booked(self, world: World) -> None:
        """Booking says yes exactly as often as the slot's capacity, on every slot of a day."""
        await reserve(world, "BREAK", "2026-03-03T17:30:00Z", "2026-03-03T18:30:00Z", ANN)
        await reserve(world, "TRAINING", "2026-03-03T20:00:00Z", "2026-03-03T20:05:00Z", capacity=2)
        slots = await listed(world, **TUESDAY)
        assert sorted(capacity for _, capacity in slots) == [0, 1, 1, 2, 2, 2, 2, 2]
        for start, capacity in slots:
            for number in range(capacity + 1):
                path = f"/service/v1/serviceJobs/{await world.order()}/appointments"
                answer = await world.call("POST", path, json={"appointmentTime": {"startTime": start}})
                if number == capacity and answer.status_code == 200:
                    raise AssertionError(f"{start} was booked {number + 1} times, its capacity is {capacity}")
                assert answer.status_code == (200 if number < capacity else 422), start
        assert {capacity for _, capacity in await listed(world, **TUESDAY)} == {0}

    async def test_half_hours(self, world: World) -> None:
        """Another service has its own grid: every half hour, half an hour long."""
        found = await listed(world, PLAIN_ASIN, **TUESDAY)
        assert [start for start, _ in found] == [render(NOW + 30 * HOUR + n * 30 * MINUTE) for n in range(16)]
