"""Authorizations in both databases."""

from dataclasses import replace

import pytest

from fieldserve.store import applications, authorizations, sellers
from fieldserve.store.applications import Application
from fieldserve.store.authorizations import Authorization
from fieldserve.store.engine import AlreadyExists, Connection, Database
from fieldserve.store.sellers import Seller

GRANT = Authorization(
    "g1", "a1", "S1", frozenset({"M1", "M2"}), None, frozenset({"R"}), {"getServiceJobs": (0.5, 7)}, 1
)


@pytest.fixture(autouse=True)
async def parties(database: Database) -> None:
    """Two sellers and an application."""

    async def use(c: Connection) -> None:
        await sellers.add(c, Seller("S1", "One", frozenset(), 0))
        await sellers.add(c, Seller("S2", "Two", frozenset(), 0))
        await applications.add(c, Application("a1", "c1", "h", "App", frozenset(), (), frozenset(), 0))

    await database.write(use)


async def add(database: Database, *those: Authorization) -> None:
    async def use(c: Connection) -> None:
        for one in those:
            await authorizations.add(c, one)

    await database.write(use)


class TestFind:
    async def test_as_it_was_stored(self, database: Database) -> None:
        """All stores (None), some stores and no store are three different things; rates keep their fraction."""
        grants = [
            GRANT,
            replace(GRANT, authorization_id="g2", stores=frozenset({"st2", "st1"})),
            replace(GRANT, authorization_id="g3", stores=frozenset(), usage_plan={}),
        ]
        await add(database, *grants)

        async def use(c: Connection) -> list[Authorization | None]:
            return [await authorizations.find(c, one.authorization_id) for one in grants]

        assert await database.read(use) == grants
        assert await database.read(lambda c: authorizations.find(c, "g4")) is None

    async def test_of_seller(self, database: Database) -> None:
        """A seller's list holds its own, the oldest first, revoked ones, too."""
        theirs = replace(GRANT, authorization_id="g2", seller_id="S2")
        newer = replace(GRANT, authorization_id="g0", created_at=2, revoked_at=3)
        await add(database, newer, GRANT, theirs)
        assert await database.read(lambda c: authorizations.of_seller(c, "S1")) == [GRANT, newer]
        assert await database.read(lambda c: authorizations.of_seller(c, "S2")) == [theirs]


class TestAdd:
    @pytest.mark.parametrize("changes", [{"seller_id": "S9"}, {"application_id": "a9"}, {}])
    async def test_parties_exist(self, database: Database, changes: dict[str, str]) -> None:
        """Nothing is granted by or to somebody unknown, or twice under one id."""
        await add(database, GRANT)
        with pytest.raises(AlreadyExists):
            await add(database, replace(GRANT, authorization_id="g2" if changes else "g1", **changes))  # type: ignore[arg-type]


class TestRevoke:
    async def test_first_time_counts(self, database: Database) -> None:
        """Revoking again does not change since when, and touches no other."""
        await add(database, GRANT, replace(GRANT, authorization_id="g2"))
        await database.write(lambda c: authorizations.revoke(c, "g1", 50))
        await database.write(lambda c: authorizations.revoke(c, "g1", 60))
        grants = await database.read(lambda c: authorizations.of_seller(c, "S1"))
        assert [one.revoked_at for one in grants] == [50, None]
