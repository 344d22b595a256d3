"""Sellers and services that change and are listed, and jobs as operators list them, on both databases."""

from dataclasses import replace

from fieldserve.domain.jobs import Job
from fieldserve.store import jobs, orders, sellers, services
from fieldserve.store.engine import Connection, Database
from fieldserve.store.sellers import Seller
from tests.shop import BRANCH, MARKETPLACE, OTHER_SELLER, SELLER, SERVICE, STORE


class TestSellers:
    async def test_page(self, shop: Database) -> None:
        """Pages are the sellers behind an id, by id."""
        assert [one.seller_id for one in await shop.read(lambda c: sellers.page(c, "", 1))] == [SELLER]
        assert [one.seller_id for one in await shop.read(lambda c: sellers.page(c, SELLER, 9))] == [OTHER_SELLER]

    async def test_update(self, shop: Database) -> None:
        """Name, marketplaces and settings change, of that seller alone."""
        changed = Seller(SELLER, "Renamed", frozenset({"B", "A"}), 0, {"a": [1, None]})
        await shop.write(lambda c: sellers.update(c, changed))
        assert await shop.read(lambda c: sellers.find(c, SELLER)) == changed
        other = await shop.read(lambda c: sellers.find(c, OTHER_SELLER))
        assert other is not None
        assert other.name == OTHER_SELLER


class TestServices:
    async def test_page(self, shop: Database) -> None:
        """Pages are the seller's services behind an ASIN, by ASIN."""
        plain = SERVICE._replace(asin="B0CLEANING")
        await shop.write(lambda c: services.add(c, SELLER, plain, 0))
        assert await shop.read(lambda c: services.page(c, SELLER, "", 1)) == [plain]
        assert await shop.read(lambda c: services.page(c, SELLER, "B0CLEANING", 9)) == [SERVICE]
        assert await shop.read(lambda c: services.page(c, OTHER_SELLER, "", 9)) == [SERVICE]

    async def test_update(self, shop: Database) -> None:
        """All but the ASIN changes, of that seller's service alone."""
        rules = SERVICE.rules._replace(skills=frozenset({"TV"}), location_type="ONLINE", buffer_after=0)
        changed = SERVICE._replace(title="Other", rules=rules, skills=("TV",))
        await shop.write(lambda c: services.update(c, SELLER, changed))
        assert await shop.read(lambda c: services.find(c, SELLER, SERVICE.asin)) == changed
        assert await shop.read(lambda c: services.find(c, OTHER_SELLER, SERVICE.asin)) == SERVICE


class TestOrders:
    async def test_page(self, shop: Database) -> None:
        """Jobs come in the order of creation, those of one instant by id, filtered by status and store."""
        first = Job(
            SELLER, "b", MARKETPLACE, STORE, SERVICE.asin, "HOLD", "1-1", created_at=5, updated_at=5, details=b"{}"
        )

        async def add(c: Connection) -> None:
            for one in (
                first,
                replace(first, service_job_id="a"),
                replace(first, service_job_id="c", created_at=4, status="PENDING_SCHEDULE", store_id=BRANCH),
                replace(first, seller_id=OTHER_SELLER, service_job_id="z"),
            ):
                await jobs.add(c, one)

        await shop.write(add)

        async def ids(after: str | None, statuses: tuple[str, ...], store_id: str | None) -> list[str]:
            found = await shop.read(
                lambda c: orders.page(c, SELLER, statuses=statuses, store_id=store_id, after=after, limit=9)
            )
            return [job_id for job_id, _ in found]

        assert await ids(None, (), None) == ["c", "a", "b"]
        assert await ids("c", (), None) == ["a", "b"]
        assert await ids("a", (), None) == ["b"]
        assert await ids("z", (), None) == []
        assert await ids(None, ("HOLD",), None) == ["a", "b"]
        assert await ids(None, ("HOLD", "PENDING_SCHEDULE"), BRANCH) == ["c"]
        assert await ids("a", ("HOLD",), STORE) == ["b"]
