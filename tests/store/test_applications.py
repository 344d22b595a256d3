"""Applications in both databases."""

import pytest

from fieldserve.store import applications
from fieldserve.store.applications import Application
from fieldserve.store.engine import AlreadyExists, Connection, Database

FIRST = Application(
    "a1", "c1", "$argon2id$1", "One", frozenset({"R", "Q"}), ("https://x/2", "https://x/1"), frozenset(), 1
)
SECOND = Application("a2", "c2", "$argon2id$2", "Two", frozenset(), (), frozenset({"s::t"}), 2)


async def add(database: Database, *those: Application) -> None:
    async def use(c: Connection) -> None:
        for one in those:
            await applications.add(c, one)

    await database.write(use)


class TestFind:
    async def test_by_either_id(self, database: Database) -> None:
        """An application comes back as it was stored, redirect URIs in order, by its id and by its client id."""
        await add(database, FIRST, SECOND)
        assert await database.read(lambda c: applications.find(c, "a1")) == FIRST
        assert await database.write(lambda c: applications.find(c, "a2", lock=True)) == SECOND
        assert await database.read(lambda c: applications.find_by_client_id(c, "c2")) == SECOND
        assert await database.read(applications.list_all) == [FIRST, SECOND]

    async def test_unknown(self, database: Database) -> None:
        """An id of the other kind is unknown."""
        await add(database, FIRST)
        assert await database.read(lambda c: applications.find(c, "c1")) is None
        assert await database.read(lambda c: applications.find_by_client_id(c, "a1")) is None


class TestAdd:
    async def test_client_ids_are_unique(self, database: Database) -> None:
        """Two applications cannot call themselves the same."""
        await add(database, FIRST)
        with pytest.raises(AlreadyExists):
            await add(database, Application("a3", "c1", "h", "Three", frozenset(), (), frozenset(), 3))


class TestSetSecretHash:
    async def test_only_that_application(self, database: Database) -> None:
        """Another secret of one application leaves the other's."""
        await add(database, FIRST, SECOND)
        await database.write(lambda c: applications.set_secret_hash(c, "a1", "new"))
        hashes = [one.secret_hash for one in await database.read(applications.list_all)]
        assert hashes == ["new", "$argon2id$2"]


class TestDisable:
    async def test_first_time_counts(self, database: Database) -> None:
        """Disabling again does not change since when."""
        await add(database, FIRST, SECOND)
        await database.write(lambda c: applications.disable(c, "a1", 50))
        await database.write(lambda c: applications.disable(c, "a1", 60))
        assert [one.disabled_at for one in await database.read(applications.list_all)] == [50, None]


def test_repr_holds_no_hash() -> None:
    """Not even the hash of a secret gets into a log by way of a repr."""
    assert "argon2" not in repr(FIRST)
