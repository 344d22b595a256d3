"""Sellers in both databases."""

import pytest

from fieldserve.store import sellers
from fieldserve.store.engine import AlreadyExists, Connection, Database
from fieldserve.store.sellers import Seller


class TestSellers:
    async def test_added_found_listed(self, database: Database) -> None:
        """Sellers come back as they were stored, by id and in the order of their ids."""
        first = Seller("S1", "One", frozenset({"M2", "M1"}), 5, {"a": [1, {"b": None}]})
        second = Seller("S2", "Zwei – ö", frozenset(), 4)

        async def add(c: Connection) -> None:
            await sellers.add(c, second)
            await sellers.add(c, first)

        await database.write(add)
        assert await database.read(lambda c: sellers.find(c, "S1")) == first
        assert await database.read(lambda c: sellers.find(c, "S3")) is None
        assert await database.read(sellers.list_all) == [first, second]

    async def test_twice(self, database: Database) -> None:
        """An id is taken once."""
        seller = Seller("S1", "One", frozenset(), 0)
        await database.write(lambda c: sellers.add(c, seller))
        with pytest.raises(AlreadyExists):
            await database.write(lambda c: sellers.add(c, seller))
