"""Stores, on both databases."""

from dataclasses import replace

import pytest

from fieldserve.store import resources, stores
from fieldserve.store.engine import AlreadyExists, Database
from fieldserve.store.stores import Store
from tests.shop import ANN, BRANCH, MARKETPLACE, OTHER_SELLER, SELLER, STORE, ZONE

NEW = Store(SELLER, "new", "Neu & Söhne", ZONE, MARKETPLACE, "NON_REAL_TIME_SCHEDULING", 7, 52.5, 13.4)


class TestAdd:
    async def test_as_found(self, shop: Database) -> None:
        """A store is found as it was added, for its own seller only."""
        await shop.write(lambda c: stores.add(c, NEW))
        assert await shop.read(lambda c: stores.find(c, SELLER, "new")) == NEW
        assert await shop.read(lambda c: stores.find(c, OTHER_SELLER, "new")) is None

    @pytest.mark.parametrize("taken", [STORE, ANN])
    async def test_taken(self, shop: Database, taken: str) -> None:
        """Stores and technicians share their ids."""
        with pytest.raises(AlreadyExists):
            await shop.write(lambda c: stores.add(c, replace(NEW, store_id=taken)))


class TestFind:
    async def test_technician(self, shop: Database) -> None:
        """A technician is no store."""
        assert await shop.read(lambda c: stores.find(c, SELLER, ANN)) is None


class TestPage:
    async def test_in_order(self, shop: Database) -> None:
        """Pages are the seller's stores behind an id, by id."""
        await shop.write(lambda c: stores.add(c, NEW))

        async def ids(after: str, limit: int) -> list[str]:
            return [one.store_id for one in await shop.read(lambda c: stores.page(c, SELLER, after, limit))]

        assert await ids("", 10) == ["new", STORE, BRANCH]
        assert await ids("", 2) == ["new", STORE]
        assert await ids(STORE, 10) == [BRANCH]
        assert await ids(BRANCH, 10) == []


class TestUpdate:
    async def test_all_but_ids(self, shop: Database) -> None:
        """What may change is stored; the other seller's store of the same id stays."""
        before = await shop.read(lambda c: stores.find(c, OTHER_SELLER, STORE))
        changed = replace(NEW, store_id=STORE, created_at=0, latitude=None, longitude=None, time_zone="UTC")
        await shop.write(lambda c: stores.update(c, changed))
        assert await shop.read(lambda c: stores.find(c, SELLER, STORE)) == changed
        assert await shop.read(lambda c: stores.find(c, OTHER_SELLER, STORE)) == before


async def test_any_in(shop: Database) -> None:
    """A marketplace is in use while a store or technician of that seller is in it."""
    assert await shop.read(lambda c: resources.any_in(c, SELLER, MARKETPLACE))
    assert not await shop.read(lambda c: resources.any_in(c, SELLER, "ATVPDKIKX0DER"))
    assert not await shop.read(lambda c: resources.any_in(c, "A0NOBODY", MARKETPLACE))
