"""Technicians, as operators set them up."""

from typing import Any

import pytest

from tests.desk import ON_ONE_DATABASE, Desk, refused
from tests.world import ANN, BOB, BRANCH, CANADA, CID, OTHER_STORE, OTHER_TECHNICIAN, STORE, US

NEW = {"name": "Dee", "timeZone": "America/New_York", "marketplaceId": US}


class TestCreate:
    async def test_as_read(self, desk: Desk) -> None:
        """A technician is answered as it can be read afterwards, with defaults filled in."""
        body = {**NEW, "technicianId": "dee", "storeIds": [STORE, BRANCH], "skills": ["TV"], "homeLatitude": 1.0}
        answer = await desk.call("POST", "technicians", {**body, "homeLongitude": 2.0})
        assert answer.status_code == 201
        made = answer.json()
        assert body.items() <= made.items()
        assert made["serviceLocationTypes"] == ["IN_HOME", "IN_STORE", "ONLINE"]
        assert made["registered"] is made["backgroundChecked"] is True
        assert (await desk.call("GET", "technicians/dee")).json() == made

    async def test_works_at_once(self, desk: Desk) -> None:
        """One with working hours makes a slot where there was none, up to what the store has."""
        await desk.call("PATCH", f"technicians/{BOB}", {"registered": False})
        assert await desk.world.free("2026-03-03T15:00:00Z") == 1
        hours = [{"opens": "09:00", "closes": "17:00"}]
        body = {**NEW, "technicianId": "dee", "storeIds": [STORE], "skills": ["TV"], "workingHours": hours}
        assert (await desk.call("POST", "technicians", body)).status_code == 201
        assert await desk.world.free("2026-03-03T15:00:00Z") == 2

    async def test_log_knows_no_person(self, desk: Desk) -> None:
        """The log, which is kept for good, has neither the name nor where the technician lives."""
        body = {**NEW, "technicianId": "x1", "name": "Dee Planted", "homeLatitude": 12.345, "homeLongitude": 1}
        await desk.call("POST", "technicians", body)
        events = str(await desk.events("x1"))
        assert "technician.created" in events
        assert "Planted" not in events
        assert "12.345" not in events

    async def test_exists(self, desk: Desk) -> None:
        """Stores and technicians share their ids; one that is taken is a conflict."""
        for taken in (ANN, STORE):
            refused(await desk.call("POST", "technicians", {**NEW, "technicianId": taken}), 409, taken)

    @ON_ONE_DATABASE
    @pytest.mark.parametrize(
        ("changes", "name"),
        [
            ({"technicianId": "x" * 51}, "technicianId"),
            ({"storeIds": ["nothing"]}, "storeIds[0]"),
            ({"storeIds": [STORE, OTHER_STORE]}, "storeIds[1]"),
            ({"storeIds": [ANN]}, "storeIds[0]"),
            ({"storeIds": [STORE, STORE]}, "storeIds"),
            ({"skills": ["A", "A"]}, "skills"),
            ({"skills": ["A,B"]}, "skills[0]"),
            ({"serviceLocationTypes": ["ON_MARS"]}, "serviceLocationTypes[0]"),
            ({"timeZone": "Mars/Olympus"}, "timeZone"),
            ({"marketplaceId": CANADA}, "marketplaceId"),
            ({"homeLatitude": 1}, "homeLongitude"),
            ({"workingHours": [{"opens": "09:00", "closes": "17:00", "capacity": 2}]}, "workingHours[0].capacity"),
        ],
    )
    async def test_refused(self, desk: Desk, changes: dict[str, Any], name: str) -> None:
        """What a technician cannot be is refused with the name of the field, and nothing is stored."""
        body = {"technicianId": "dee", **NEW, **changes}
        refused(await desk.call("POST", "technicians", body), 400, f"[{name}]")
        assert (await desk.call("GET", "technicians/dee")).status_code == 404

    async def test_store_of_another_marketplace(self, desk: Desk) -> None:
        """A technician works in one marketplace, and so do the stores it works for."""
        await desk.call("PATCH", "/operator/v1/sellers/A1SELLER", {"marketplaceIds": [US, CANADA]})
        body = {**NEW, "marketplaceId": CANADA, "storeIds": [STORE]}
        refused(await desk.call("POST", "technicians", body), 400, "in another marketplace")

    async def test_unknown_seller(self, desk: Desk) -> None:
        """A technician of an unknown seller is 404."""
        refused(await desk.call("POST", "/operator/v1/sellers/A0NOBODY/technicians", NEW), 404, "no seller A0NOBODY")


class TestList:
    async def test_pages(self, desk: Desk) -> None:
        """Pages list the seller's own technicians by id, each with its stores."""
        first = (await desk.call("GET", "technicians", params={"limit": 2})).json()
        found = [(one["technicianId"], one["storeIds"]) for one in first["technicians"]]
        assert found == [(ANN, [STORE]), (BOB, [STORE])]
        second = (await desk.call("GET", "technicians", params={"limit": 2, "after": first["next"]})).json()
        assert ([one["technicianId"] for one in second["technicians"]], "next" in second) == ([CID], False)

    async def test_unknown_seller(self, desk: Desk) -> None:
        """The list of an unknown seller is 404, not empty."""
        refused(await desk.call("GET", "/operator/v1/sellers/A0NOBODY/technicians"), 404, "no seller A0NOBODY")


class TestGet:
    async def test_unknown(self, desk: Desk) -> None:
        """Unknown ids, other sellers' technicians and stores are no technicians of the seller."""
        for technician_id in ("nothing", OTHER_TECHNICIAN, STORE):
            answer = await desk.call("GET", f"technicians/{technician_id}")
            refused(answer, 404, f"no technician {technician_id}")


class TestUpdate:
    async def test_only_what_is_given(self, desk: Desk) -> None:
        """Absent members stay; stores and skills are replaced as wholes."""
        before = (await desk.call("GET", f"technicians/{ANN}")).json()
        changes = {"storeIds": [BRANCH], "skills": [], "backgroundChecked": False}
        assert (await desk.call("PATCH", f"technicians/{ANN}", changes)).json() == before | changes
        event = (await desk.events(ANN))[-1]
        assert (event.before["storeIds"], event.after["storeIds"]) == ([STORE], [BRANCH])

    async def test_slots_follow(self, desk: Desk) -> None:
        """Without the skill, a technician makes no slot of the service any more."""
        assert await desk.world.free("2026-03-03T15:00:00Z") == 2
        await desk.call("PATCH", f"technicians/{ANN}", {"skills": ["TYRES"]})
        assert await desk.world.free("2026-03-03T15:00:00Z") == 1

    @ON_ONE_DATABASE
    @pytest.mark.parametrize(
        ("body", "name"),
        [
            ({"storeIds": ["nothing"]}, "storeIds[0]"),
            ({"registered": None}, "registered"),
            ({"homeLatitude": 1}, "home"),
        ],
    )
    async def test_refused(self, desk: Desk, body: dict[str, Any], name: str) -> None:
        """What does not fit is refused with the name of the field, and nothing changes."""
        before = (await desk.call("GET", f"technicians/{ANN}")).json()
        refused(await desk.call("PATCH", f"technicians/{ANN}", body), 400, f"[{name}")
        assert (await desk.call("GET", f"technicians/{ANN}")).json() == before

    async def test_unknown(self, desk: Desk) -> None:
        """An unknown technician is 404, and so is another seller's."""
        for technician_id in ("nothing", OTHER_TECHNICIAN):
            answer = await desk.call("PATCH", f"technicians/{technician_id}", {"name": "X"})
            refused(answer, 404, f"no technician {technician_id}")
