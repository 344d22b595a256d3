"""Sellers, as operators set them up."""

import re
from typing import Any

import pytest

from tests.desk import OF_SELLER, ON_ONE_DATABASE, Desk, refused
from tests.world import CANADA, OTHER_SELLER, SELLER, US

SELLERS = "/operator/v1/sellers"


class TestCreate:
    async def test_id_is_made_up(self, desk: Desk) -> None:
        """Without an id the seller gets one of 14 capitals and digits, and can be read by it."""
        made = (await desk.call("POST", SELLERS, {"name": "New", "marketplaceIds": [US, CANADA]})).json()
        assert re.fullmatch(r"A[A-Z0-9]{13}", made["sellerId"])
        assert made["marketplaceIds"] == sorted([US, CANADA])
        assert (await desk.call("GET", f"{SELLERS}/{made['sellerId']}")).json() == made
        assert [one.kind for one in await desk.events(made["sellerId"])] == ["seller.created"]

    async def test_own_id_and_settings(self, desk: Desk) -> None:
        """An id and settings of the operator's own are kept as they are."""
        body = {"sellerId": "A9NEW", "name": "New", "marketplaceIds": [US], "settings": {"tier": ["gold", 1, None]}}
        answer = await desk.call("POST", SELLERS, body)
        assert answer.status_code == 201
        assert body.items() <= answer.json().items()

    async def test_exists(self, desk: Desk) -> None:
        """An id that is taken is a conflict, and the seller that has it stays as it is."""
        before = (await desk.call("GET", OF_SELLER)).json()
        answer = await desk.call("POST", SELLERS, {"sellerId": SELLER, "name": "Twice", "marketplaceIds": [US]})
        refused(answer, 409, f"already a seller {SELLER}")
        assert (await desk.call("GET", OF_SELLER)).json() == before

    @ON_ONE_DATABASE
    @pytest.mark.parametrize(
        ("changes", "name"),
        [
            ({"marketplaceIds": []}, "marketplaceIds"),
            ({"marketplaceIds": ["NOWHERE"]}, "marketplaceIds[0]"),
            ({"marketplaceIds": [US, US]}, "marketplaceIds"),
            ({"name": ""}, "name"),
            ({"sellerId": "lower"}, "sellerId"),
            ({"sellerId": "A1\n"}, "sellerId"),
            ({"settings": 1}, "settings"),
        ],
    )
    async def test_refused(self, desk: Desk, changes: dict[str, Any], name: str) -> None:
        """What a seller cannot be is refused with the name of the field."""
        body = {"name": "New", "marketplaceIds": [US], **changes}
        refused(await desk.call("POST", SELLERS, body), 400, f"[{name}]")


class TestList:
    async def test_pages(self, desk: Desk) -> None:
        """Pages of one follow each other by `next` until there is none."""
        first = (await desk.call("GET", SELLERS, params={"limit": 1})).json()
        assert [one["sellerId"] for one in first["sellers"]] == [SELLER]
        second = (await desk.call("GET", SELLERS, params={"limit": 1, "after": first["next"]})).json()
        assert [one["sellerId"] for one in second["sellers"]] == [OTHER_SELLER]
        assert "next" not in second


class TestGet:
    async def test_unknown(self, desk: Desk) -> None:
        """An unknown seller is 404."""
        refused(await desk.call("GET", f"{SELLERS}/A0NOBODY"), 404, "no seller A0NOBODY")


class TestUpdate:
    async def test_only_what_is_given(self, desk: Desk) -> None:
        """Absent members stay; the event has before and after."""
        before = (await desk.call("GET", OF_SELLER)).json()
        after = (await desk.call("PATCH", OF_SELLER, {"settings": {"a": 1}})).json()
        assert after == before | {"settings": {"a": 1}}
        event = (await desk.events(SELLER))[-1]
        assert (event.before["settings"], event.after["settings"]) == ({}, {"a": 1})

    async def test_marketplace_in_use(self, desk: Desk) -> None:
        """A marketplace does not go while stores are in it; one without stores does."""
        assert (await desk.call("PATCH", OF_SELLER, {"marketplaceIds": [US, CANADA]})).status_code == 200
        assert (await desk.call("PATCH", OF_SELLER, {"marketplaceIds": [US]})).status_code == 200
        refused(await desk.call("PATCH", OF_SELLER, {"marketplaceIds": [CANADA]}), 409, f"in {US}")

    async def test_unknown(self, desk: Desk) -> None:
        """An unknown seller is 404."""
        refused(await desk.call("PATCH", f"{SELLERS}/A0NOBODY", {"name": "X"}), 404, "no seller A0NOBODY")
