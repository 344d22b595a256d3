"""Reading capacity as runs, through HTTP."""

from typing import Any
from urllib.parse import unquote

import httpx2
import pytest

from tests.calls import IN_US, RESOURCES, caller_in_canada_too, faults, reserve, runs
from tests.world import ANN, CANADA, CID, OTHER_STORE, STORE, World

TYPES = ["RESERVED_CAPACITY", "ENCUMBERED_CAPACITY", "AVAILABLE_CAPACITY", "SCHEDULED_CAPACITY"]
DAY = {"startDateTime": "2026-03-03T05:00:00Z", "endDateTime": "2026-03-04T05:00:00Z"}


async def ask(world: World, resource: str = STORE, *, json: Any = DAY, **kwargs: Any) -> httpx2.Response:
    kwargs = {"params": IN_US} | kwargs
    return await world.call("POST", f"{RESOURCES}/{resource}/capacity/range", json=json, **kwargs)


class TestGetRangeSlotCapacity:
    async def test_anonymous(self, world: World) -> None:
        """Without a token nothing is told."""
        answer = await ask(world, headers={"x-amz-access-token": ""})
        assert (answer.status_code, faults(answer)[0][0]) == (403, "Unauthorized")

    async def test_default_type(self, world: World) -> None:
        """None asked is the schedule: 2 from 9 to 17 in New York, with the zero runs around it."""
        answer = await ask(world)
        assert answer.json() == {
            "resourceId": STORE,
            "capacities": [
                {
                    "capacityType": "SCHEDULED_CAPACITY",
                    "slots": [
                        {
                            "startDateTime": "2026-03-03T05:00:00Z",
                            "endDateTime": "2026-03-03T14:00:00Z",
                            "capacity": 0,
                        },
                        {
                            "startDateTime": "2026-03-03T14:00:00Z",
                            "endDateTime": "2026-03-03T22:00:00Z",
                            "capacity": 2,
                        },
                        {
                            "startDateTime": "2026-03-03T22:00:00Z",
                            "endDateTime": "2026-03-04T05:00:00Z",
                            "capacity": 0,
                        },
                    ],
                }
            ],
        }

    async def test_all_types(self, world: World) -> None:
        """A booking encumbers, a break reserves, both lower what is available; types answer in the model's order."""
        await world.book(await world.order(), "2026-03-03T15:00:00Z")
        await reserve(world, "BREAK", "2026-03-03T15:30:00Z", "2026-03-03T17:00:00Z")
        body = {"startDateTime": "2026-03-03T14:00:00Z", "endDateTime": "2026-03-03T18:00:00Z", "capacityTypes": TYPES}
        found = (await ask(world, json=body)).json()["capacities"]
        told = {
            one["capacityType"]: [(slot["startDateTime"][11:16], slot["capacity"]) for slot in one["slots"]]
            for one in found
        }
        assert [one["capacityType"] for one in found] == TYPES[::-1]
        assert told == {
            "SCHEDULED_CAPACITY": [("14:00", 2)],
            "AVAILABLE_CAPACITY": [("14:00", 2), ("15:00", 1), ("15:30", 0), ("16:00", 1), ("17:00", 2)],
            "ENCUMBERED_CAPACITY": [("14:00", 0), ("15:00", 1), ("16:00", 0)],
            "RESERVED_CAPACITY": [("14:00", 0), ("15:30", 1), ("17:00", 0)],
        }

    async def test_technician(self, world: World) -> None:
        """A technician is encumbered by what it is assigned to."""
        job = await world.order()
        appointment = await world.book(job, "2026-03-03T15:00:00Z")
        assert (await world.assign(job, appointment, ANN)).status_code == 200
        found = await runs(world, "AVAILABLE_CAPACITY", "2026-03-03T14:00:00Z", "2026-03-03T17:00:00Z", ANN)
        assert [(start[11:16], capacity) for start, _, capacity in found] == [("14:00", 1), ("15:00", 0), ("16:00", 1)]

    async def test_offsets(self, world: World) -> None:
        """Times may carry offsets; answers are UTC."""
        found = await runs(world, "SCHEDULED_CAPACITY", "2026-03-03T10:00:00.00-05", "2026-03-03T12:00:00-05:00")
        assert found == [("2026-03-03T15:00:00Z", "2026-03-03T17:00:00Z", 2)]

    async def test_pages(self, world: World) -> None:
        """80 days are 35 + 35 + 10; tokens are taken as given out and decoded once; the pages join without a gap."""
        body = {"startDateTime": "2026-03-03T05:00:00Z", "endDateTime": "2026-05-22T05:00:00Z"}
        slots, tokens, token = [], [], None
        while True:
            params = IN_US if token is None else IN_US | {"nextPageToken": token}
            answer = (await ask(world, json=body, params=params)).json()
            slots.append(answer["capacities"][0]["slots"])
            if (token := answer.get("nextPageToken")) is None:
                break
            tokens.append(token)
        assert [page[0]["startDateTime"] for page in slots] == [
            "2026-03-03T05:00:00Z",
            "2026-04-07T05:00:00Z",
            "2026-05-12T05:00:00Z",
        ]
        assert [page[-1]["endDateTime"] for page in slots] == [
            "2026-04-07T05:00:00Z",
            "2026-05-12T05:00:00Z",
            "2026-05-22T05:00:00Z",
        ]
        assert (
            sum(len(page) for page in slots) == 80 * 2 + 3
        )  # hours of 80 days, the nights between, three pages' edges
        decoded = await ask(world, json=body, params=IN_US | {"nextPageToken": unquote(tokens[0])})
        assert decoded.json()["capacities"][0]["slots"] == slots[1]

    async def test_end_of_the_calendar(self, world: World) -> None:
        """The first and the last day that there is can be asked for."""
        for start, end in (
            ("0001-01-01T00:00:00Z", "0001-01-02T00:00:00Z"),
            ("9999-12-30T00:00:00Z", "9999-12-31T23:59:59Z"),
        ):
            assert await runs(world, "SCHEDULED_CAPACITY", start, end) == [(start, end, 0)]

    @pytest.mark.parametrize("resource", ["nowhere", OTHER_STORE])
    async def test_unknown_and_foreign_alike(self, world: World, resource: str) -> None:
        """An unknown resource, and another seller's, is not found."""
        answer = await ask(world, resource)
        assert answer.status_code == 404
        assert faults(answer) == [("NotFound", f"No resource exists with resourceId : {resource}")]

    async def test_another_marketplace(self, world: World) -> None:
        """A resource is unknown in a marketplace that is not its own."""
        headers = await caller_in_canada_too(world)
        assert (await ask(world, params={"marketplaceIds": CANADA}, headers=headers)).status_code == 404
        assert (await ask(world, headers=headers)).status_code == 200

    async def test_outside_the_authorization(self, world: World) -> None:
        """The seller's own store, or a technician of other stores only, is a 403."""
        headers = {"x-amz-access-token": await world.token(stores=frozenset({"store-2"}))}
        statuses = [(await ask(world, one, headers=headers)).status_code for one in (STORE, ANN, CID, "store-2")]
        assert statuses == [403, 403, 200, 200]

    @pytest.mark.parametrize(
        ("changes", "details"),
        [
            ({"startDateTime": None}, "startDateTime or endDateTime are not present"),
            ({"endDateTime": "tomorrow"}, "endDateTime is not a valid ISO date/time object"),
            ({"endDateTime": "2026-03-03T05:00:00Z"}, "endDateTime should be after Start Time"),
            ({"capacityTypes": ["ALL"]}, "capacityTypes"),
        ],
    )
    async def test_invalid(self, world: World, changes: dict[str, Any], details: str) -> None:
        """Every fault says so in the operation's words, and which it is in the details."""
        answer = await ask(world, json=DAY | changes)
        assert answer.status_code == 400
        assert faults(answer) == [("InvalidInput", "This is invalid input")]
        assert details in answer.json()["errors"][0]["details"]

    @pytest.mark.parametrize(
        "token", ["nonsense", "MjAyNi0wMy0wM1QwNTowMDowMVo=", "MjAyNS0wMS0wMVQwMDowMDowMFo=", "//8="]
    )
    async def test_page_token_of_another_query(self, world: World, token: str) -> None:
        """No time, a second into the query, a year before it, and bytes that are no text."""
        answer = await ask(world, params=IN_US | {"nextPageToken": token})
        assert (answer.status_code, faults(answer)) == (400, [("InvalidInput", "This is invalid input")])
        assert "nextPageToken" in answer.json()["errors"][0]["details"]
