"""The services that a seller offers, as operators set them up."""

from typing import Any

import pytest

from tests.desk import ON_ONE_DATABASE, Desk, refused
from tests.world import ASIN, PLAIN_ASIN, STORE

NEW = {"asin": "B0ASSEMBLY", "title": "Assembly", "durationMinutes": 45, "serviceLocationType": "IN_HOME"}


class TestCreate:
    async def test_defaults(self, desk: Desk) -> None:
        """Slots every half hour, two hours' notice, no buffers and no skills, unless said otherwise."""
        answer = await desk.call("POST", "services", NEW)
        assert answer.status_code == 201
        assert answer.json() == NEW | {
            "slotIntervalMinutes": 30,
            "noticeMinutes": 120,
            "bufferBeforeMinutes": 0,
            "bufferAfterMinutes": 0,
            "skills": [],
        }
        assert (await desk.call("GET", "services/B0ASSEMBLY")).json() == answer.json()
        assert [one.kind for one in await desk.events("B0ASSEMBLY")] == ["service.created"]

    async def test_exists(self, desk: Desk) -> None:
        """An ASIN that the seller has is a conflict; what another seller has is not."""
        refused(await desk.call("POST", "services", {**NEW, "asin": ASIN}), 409, f"already offers a service {ASIN}")
        assert (await desk.call("POST", "services", NEW)).status_code == 201
        path = "/operator/v1/sellers/A2SELLER/services"
        assert (await desk.call("POST", path, NEW)).status_code == 201

    @ON_ONE_DATABASE
    @pytest.mark.parametrize(
        ("changes", "name"),
        [
            ({"asin": "SHORT"}, "asin"),
            ({"asin": "b0assembly"}, "asin"),
            ({"durationMinutes": 0}, "durationMinutes"),
            ({"durationMinutes": 10081}, "durationMinutes"),
            ({"durationMinutes": 30.5}, "durationMinutes"),
            ({"slotIntervalMinutes": 0}, "slotIntervalMinutes"),
            ({"noticeMinutes": -1}, "noticeMinutes"),
            ({"bufferBeforeMinutes": 1441}, "bufferBeforeMinutes"),
            ({"serviceLocationType": "ELSEWHERE"}, "serviceLocationType"),
            ({"skills": ["TV", "TV"]}, "skills"),
        ],
    )
    async def test_refused(self, desk: Desk, changes: dict[str, Any], name: str) -> None:
        """What a service cannot be is refused with the name of the field."""
        refused(await desk.call("POST", "services", {**NEW, **changes}), 400, f"[{name}]")

    async def test_unknown_seller(self, desk: Desk) -> None:
        """A service of an unknown seller is 404."""
        refused(await desk.call("POST", "/operator/v1/sellers/A0NOBODY/services", NEW), 404, "no seller A0NOBODY")


class TestList:
    async def test_pages(self, desk: Desk) -> None:
        """Pages list the seller's services by ASIN."""
        first = (await desk.call("GET", "services", params={"limit": 1})).json()
        assert [one["asin"] for one in first["services"]] == [PLAIN_ASIN]
        second = (await desk.call("GET", "services", params={"limit": 1, "after": first["next"]})).json()
        assert ([one["asin"] for one in second["services"]], "next" in second) == ([ASIN], False)

    async def test_unknown_seller(self, desk: Desk) -> None:
        """The list of an unknown seller is 404, not empty."""
        refused(await desk.call("GET", "/operator/v1/sellers/A0NOBODY/services"), 404, "no seller A0NOBODY")


class TestGet:
    async def test_unknown(self, desk: Desk) -> None:
        """An unknown ASIN is 404."""
        refused(await desk.call("GET", "services/B0NOTHING0"), 404, "no service B0NOTHING0")


class TestUpdate:
    async def test_slots_follow(self, desk: Desk) -> None:
        """A shorter interval makes slots in between; the rest of the service stays."""
        before = (await desk.call("GET", f"services/{ASIN}")).json()
        assert await desk.world.free("2026-03-03T15:15:00Z", STORE) == -1
        after = (await desk.call("PATCH", f"services/{ASIN}", {"slotIntervalMinutes": 15})).json()
        assert after == before | {"slotIntervalMinutes": 15}
        assert await desk.world.free("2026-03-03T15:15:00Z", STORE) == 2
        event = (await desk.events(ASIN))[-1]
        assert (event.kind, event.before, event.after) == ("service.updated", before, after)

    @ON_ONE_DATABASE
    async def test_refused(self, desk: Desk) -> None:
        """The ASIN does not change, and limits hold for changes, too."""
        refused(await desk.call("PATCH", f"services/{ASIN}", {"asin": "B0ASSEMBLY"}), 400, "[asin]")
        refused(await desk.call("PATCH", f"services/{ASIN}", {"durationMinutes": 0}), 400, "[durationMinutes]")

    async def test_unknown(self, desk: Desk) -> None:
        """An unknown ASIN is 404."""
        refused(await desk.call("PATCH", "services/B0NOTHING0", {"title": "X"}), 404, "no service B0NOTHING0")
