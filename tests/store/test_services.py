"""Services in both databases."""

import pytest

from fieldserve.domain.intervals import SECOND
from fieldserve.store import services
from fieldserve.store.engine import AlreadyExists, Database
from tests.shop import OTHER_SELLER, SELLER, SERVICE


class TestFind:
    async def test_as_added(self, shop: Database) -> None:
        """A service comes back as it was added, its skills in the seller's order."""
        found = await shop.read(lambda c: services.find(c, SELLER, "B0MOUNTING"))
        assert found == SERVICE
        assert found is not None
        assert found.skills == ("TV", "GLASS")
        assert found.service_location_type == "IN_HOME"

    async def test_unknown(self, shop: Database) -> None:
        """Neither an ASIN nobody offers, nor another seller's own, is found."""
        own = SERVICE._replace(asin="B0CLEANING")
        await shop.write(lambda c: services.add(c, OTHER_SELLER, own, 0))
        assert await shop.read(lambda c: services.find(c, SELLER, "B0CLEANING")) is None
        assert await shop.read(lambda c: services.find(c, OTHER_SELLER, "B0CLEANING")) == own


class TestAdd:
    async def test_twice(self, shop: Database) -> None:
        """A seller has an ASIN once."""
        with pytest.raises(AlreadyExists):
            await shop.write(lambda c: services.add(c, SELLER, SERVICE, 0))

    async def test_seconds(self, shop: Database) -> None:
        """Durations that the columns cannot hold are refused, not rounded."""
        odd = SERVICE._replace(asin="B0CLEANING", rules=SERVICE.rules._replace(duration=90 * SECOND))
        with pytest.raises(ValueError, match="whole minutes"):
            await shop.write(lambda c: services.add(c, SELLER, odd, 0))
