"""Stores, as operators set them up."""

from typing import Any

import pytest

from tests.desk import ON_ONE_DATABASE, Desk, refused
from tests.world import ANN, BRANCH, CANADA, HOURS_ONLY, OTHER_STORE, PLAIN_ASIN, STORE, US

NEW = {"name": "New", "timeZone": "America/New_York", "marketplaceId": US}


class TestCreate:
    async def test_as_read(self, desk: Desk) -> None:
        """A store is answered as it can be read afterwards; a UUID is its id where none was given."""
        body = {**NEW, "schedulingType": "NON_REAL_TIME_SCHEDULING", "latitude": 40.75, "longitude": -73.99}
        answer = await desk.call("POST", "stores", body)
        assert answer.status_code == 201
        made = answer.json()
        assert body.items() <= made.items()
        assert len(made["storeId"]) == 36
        assert (await desk.call("GET", f"stores/{made['storeId']}")).json() == made
        assert [one.kind for one in await desk.events(made["storeId"])] == ["store.created"]

    async def test_opening_hours(self, desk: Desk) -> None:
        """Opening hours are its schedule: slots are listed inside them, and nowhere else."""
        hours = [{"daysOfWeek": ["TUESDAY"], "opens": "10:00", "closes": "12:00", "capacity": 3}]
        body = {**NEW, "storeId": "new", "openingHours": hours}
        assert (await desk.call("POST", "stores", body)).status_code == 201
        # Tuesday 3 March 2026, 10:00 in New York is 15:00Z; half an hour each, until 12:00.
        world = desk.world
        capacities = {
            time: await world.free(f"2026-03-03T{time}:00Z", "new", PLAIN_ASIN)
            for time in ("14:30", "15:00", "16:30", "17:00")
        }
        assert capacities == {"14:30": -1, "15:00": 3, "16:30": 3, "17:00": -1}
        assert await world.free("2026-03-04T15:00:00Z", "new", PLAIN_ASIN) == -1
        assert await world.free("2026-03-10T14:00:00Z", "new", PLAIN_ASIN) == 3  # a week on, in summer time
        assert [one.kind for one in await desk.events("new")] == ["store.created", "schedule.updated"]

    async def test_exists(self, desk: Desk) -> None:
        """Stores and technicians share their ids; one that is taken is a conflict."""
        for taken in (STORE, ANN):
            refused(await desk.call("POST", "stores", {**NEW, "storeId": taken}), 409, taken)

    @ON_ONE_DATABASE
    @pytest.mark.parametrize(
        ("changes", "name"),
        [
            ({"timeZone": "Mars/Olympus"}, "timeZone"),
            ({"timeZone": "../../etc/passwd"}, "timeZone"),
            ({"marketplaceId": CANADA}, "marketplaceId"),
            ({"latitude": 1.0}, "longitude"),
            ({"longitude": 1.0}, "latitude"),
            ({"latitude": 90.1, "longitude": 0}, "latitude"),
            ({"schedulingType": "SOMETIMES"}, "schedulingType"),
            ({"storeId": "a/b"}, "storeId"),
            ({"storeId": "a,b"}, "storeId"),
            ({"openingHours": [{"opens": "9:00", "closes": "17:00"}]}, "openingHours[0].opens"),
            ({"openingHours": [{"opens": "09:00"}]}, "openingHours[0].closes"),
            ({"openingHours": [{"opens": "09:00", "closes": "25:00"}]}, "openingHours[0].closes"),
        ],
    )
    async def test_refused(self, desk: Desk, changes: dict[str, Any], name: str) -> None:
        """What a store cannot be is refused with the name of the field."""
        refused(await desk.call("POST", "stores", {**NEW, **changes}), 400, f"[{name}]")

    async def test_unknown_seller(self, desk: Desk) -> None:
        """A store of an unknown seller is 404."""
        refused(await desk.call("POST", "/operator/v1/sellers/A0NOBODY/stores", NEW), 404, "no seller A0NOBODY")


class TestList:
    async def test_pages(self, desk: Desk) -> None:
        """Pages list the seller's own stores by id."""
        first = (await desk.call("GET", "stores", params={"limit": 2})).json()
        assert [one["storeId"] for one in first["stores"]] == [STORE, BRANCH]
        second = (await desk.call("GET", "stores", params={"limit": 2, "after": first["next"]})).json()
        assert ([one["storeId"] for one in second["stores"]], "next" in second) == ([HOURS_ONLY], False)

    async def test_unknown_seller(self, desk: Desk) -> None:
        """The list of an unknown seller is 404, not empty."""
        refused(await desk.call("GET", "/operator/v1/sellers/A0NOBODY/stores"), 404, "no seller A0NOBODY")


class TestGet:
    async def test_unknown(self, desk: Desk) -> None:
        """Unknown ids, other sellers' stores and technicians are no stores of the seller."""
        for store_id in ("nothing", OTHER_STORE, ANN):
            refused(await desk.call("GET", f"stores/{store_id}"), 404, f"no store {store_id}")


class TestUpdate:
    async def test_only_what_is_given(self, desk: Desk) -> None:
        """Absent members stay, null clears the position."""
        before = (await desk.call("GET", f"stores/{STORE}")).json()
        there = {"latitude": 1.5, "longitude": 2.5}
        assert (await desk.call("PATCH", f"stores/{STORE}", there)).json() == before | there
        nowhere = {"latitude": None, "longitude": None}
        assert (await desk.call("PATCH", f"stores/{STORE}", nowhere)).json() == before
        assert [one.kind for one in await desk.events(STORE)] == ["store.updated"] * 2

    async def test_scheduling_type(self, desk: Desk) -> None:
        """Another scheduling type changes what slots are answered."""
        body = {"schedulingType": "NON_REAL_TIME_SCHEDULING"}
        assert (await desk.call("PATCH", f"stores/{STORE}", body)).status_code == 200
        # One run of working hours, from 14:00Z, with the scheduled capacity.
        assert await desk.world.free("2026-03-03T14:00:00Z") == 2
        assert await desk.world.free("2026-03-03T15:00:00Z") == 2
        assert (await desk.events(STORE))[-1].before["schedulingType"] == "REAL_TIME_SCHEDULING"

    @ON_ONE_DATABASE
    @pytest.mark.parametrize(
        ("body", "name"),
        [
            ({"marketplaceId": CANADA}, "marketplaceId"),
            ({"latitude": 1.0}, "longitude"),
            ({"latitude": None}, "longitude"),
            ({"timeZone": "Nowhere"}, "timeZone"),
            ({"name": None}, "name"),
        ],
    )
    async def test_refused(self, desk: Desk, body: dict[str, Any], name: str) -> None:
        """What cannot change, or not so, is refused with the name of the field."""
        refused(await desk.call("PATCH", f"stores/{STORE}", body), 400, f"[{name}]")

    async def test_unknown(self, desk: Desk) -> None:
        """An unknown store is 404, and so is another seller's."""
        for store_id in ("nothing", OTHER_STORE):
            refused(await desk.call("PATCH", f"stores/{store_id}", {"name": "X"}), 404, f"no store {store_id}")
