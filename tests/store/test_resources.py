"""Resources in both databases."""

from zoneinfo import ZoneInfo

from fieldserve.store import resources
from fieldserve.store.engine import Database
from fieldserve.store.resources import Resource
from tests.shop import ANN, BOB, MARKETPLACE, SELLER, STORE, ZONE


class TestFind:
    async def test_store_and_technician(self, shop: Database) -> None:
        """Both kinds are resources."""
        store = await shop.read(lambda c: resources.find(c, SELLER, STORE))
        assert store == Resource(SELLER, STORE, "STORE", STORE, ZONE, MARKETPLACE)
        assert store is not None
        assert (store.zone, store.store_id) == (ZoneInfo(ZONE), STORE)
        ann = await shop.write(lambda c: resources.find(c, SELLER, ANN, lock=True))
        assert ann is not None
        assert (ann.kind, ann.store_id) == ("TECHNICIAN", None)

    async def test_unknown(self, shop: Database) -> None:
        """Nothing is found for an unknown id or seller."""
        assert await shop.read(lambda c: resources.find(c, SELLER, "nowhere")) is None
        assert await shop.read(lambda c: resources.find(c, "A3SELLER", STORE)) is None


class TestFindAll:
    async def test_by_id(self, shop: Database) -> None:
        """Those that there are come by id, which is the order in which they are locked."""
        found = await shop.write(lambda c: resources.find_all(c, SELLER, [STORE, "nowhere", BOB, ANN], lock=True))
        assert [one.resource_id for one in found] == [ANN, BOB, STORE]
