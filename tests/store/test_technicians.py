"""Technicians, on both databases."""

from dataclasses import replace

import pytest

from fieldserve.store import technicians
from fieldserve.store.engine import AlreadyExists, Database
from fieldserve.store.technicians import Technician
from tests.shop import ANN, BOB, BRANCH, MARKETPLACE, OTHER_SELLER, SELLER, STORE, ZONE

NEW = Technician(
    SELLER,
    "dee",
    "Dée",
    ZONE,
    MARKETPLACE,
    7,
    (STORE, BRANCH),
    ("TV", "GLASS"),
    ("IN_STORE", "ONLINE"),
    False,
    True,
    52.5,
    13.4,
)


class TestAdd:
    async def test_as_found(self, shop: Database) -> None:
        """A technician is found as it was added, for its own seller only."""
        await shop.write(lambda c: technicians.add(c, NEW))
        assert await shop.read(lambda c: technicians.find(c, SELLER, "dee")) == NEW
        assert await shop.read(lambda c: technicians.find(c, OTHER_SELLER, "dee")) is None

    @pytest.mark.parametrize("taken", [STORE, ANN])
    async def test_taken(self, shop: Database, taken: str) -> None:
        """Stores and technicians share their ids."""
        with pytest.raises(AlreadyExists):
            await shop.write(lambda c: technicians.add(c, replace(NEW, technician_id=taken)))

    async def test_unknown_store(self, shop: Database) -> None:
        """A store that there is not leaves nothing behind."""
        with pytest.raises(AlreadyExists):
            await shop.write(lambda c: technicians.add(c, replace(NEW, store_ids=("nothing",))))
        assert await shop.read(lambda c: technicians.find(c, SELLER, "dee")) is None


class TestFindAll:
    async def test_by_id(self, shop: Database) -> None:
        """Those that the seller has, by id, each with its own stores; unknown ids are left out."""
        found = await shop.read(lambda c: technicians.find_all(c, SELLER, (BOB, "nothing", ANN, STORE)))
        assert [(one.technician_id, one.store_ids) for one in found] == [(ANN, (STORE, BRANCH)), (BOB, (STORE,))]
        assert await shop.read(lambda c: technicians.find_all(c, SELLER, ())) == []


class TestPage:
    async def test_in_order(self, shop: Database) -> None:
        """Pages are the seller's technicians behind an id, by id."""
        assert [one.technician_id for one in await shop.read(lambda c: technicians.page(c, SELLER, "", 1))] == [ANN]
        assert [one.technician_id for one in await shop.read(lambda c: technicians.page(c, SELLER, ANN, 9))] == [BOB]


class TestUpdate:
    async def test_stores_are_replaced(self, shop: Database) -> None:
        """What may change is stored, stores as a whole; the other seller's technician of the same id stays."""
        before = await shop.read(lambda c: technicians.find(c, OTHER_SELLER, ANN))
        changed = replace(NEW, technician_id=ANN, created_at=0, store_ids=(BRANCH,), skills=(), home_latitude=None)
        await shop.write(lambda c: technicians.update(c, changed))
        assert await shop.read(lambda c: technicians.find(c, SELLER, ANN)) == changed
        assert await shop.read(lambda c: technicians.find(c, OTHER_SELLER, ANN)) == before
