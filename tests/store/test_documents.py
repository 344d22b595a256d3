"""Documents in both databases."""

from dataclasses import replace
from typing import Any

import pytest

from fieldserve.store import documents
from fieldserve.store.documents import Document
from fieldserve.store.engine import AlreadyExists, Connection, Database
from tests.proofs import add_appointment

NOW = 1_700_000_000_000_000
DAY = 86_400_000_000


def announced(name: str = "d1", **changes: Any) -> Document:
    document = Document("S1", name, "PNG", 1000, "md5", "sealed", NOW, NOW + 300_000_000, NOW + 30 * DAY)
    return replace(document, **changes)


async def add(database: Database, *those: Document) -> None:
    async def use(c: Connection) -> None:
        for one in those:
            await documents.add(c, one)

    await database.write(use)


class TestFind:
    async def test_announced(self, database: Database) -> None:
        """A document comes back as it was announced."""
        await add(database, announced(), announced("d2", content_md5=None))
        found = await database.read(lambda c: documents.find(c, "S1", ["d1", "d2", "d3"]))
        assert found == {"d1": announced(), "d2": announced("d2", content_md5=None)}

    async def test_none(self, database: Database) -> None:
        """Nothing is found for no ids."""
        await add(database, announced())
        assert await database.read(lambda c: documents.find(c, "S1", [])) == {}

    async def test_another_sellers(self, database: Database) -> None:
        """A document of another seller is not there, even of the same id."""
        await add(database, announced(), announced(seller_id="S2", content_length=7))
        found = await database.read(lambda c: documents.find(c, "S2", ["d1"]))
        assert found["d1"].content_length == 7
        assert await database.read(lambda c: documents.find(c, "S3", ["d1"])) == {}

    async def test_twice(self, database: Database) -> None:
        """A seller has one document of an id."""
        await add(database, announced())
        with pytest.raises(AlreadyExists):
            await add(database, announced())


class TestMarkUploaded:
    async def test_first(self, database: Database) -> None:
        """The first upload is kept, and what was before is answered."""
        await add(database, announced())
        before = await database.write(lambda c: documents.mark_uploaded(c, "S1", "d1", "d1/x", NOW + 1))
        assert before == announced()
        found = await database.read(lambda c: documents.find(c, "S1", ["d1"]))
        assert found["d1"] == announced(uploaded_at=NOW + 1, blob_key="d1/x")

    async def test_again(self, database: Database) -> None:
        """A second upload takes the place of the first, whose key is answered to be deleted."""
        await add(database, announced())
        await database.write(lambda c: documents.mark_uploaded(c, "S1", "d1", "d1/x", NOW + 1))
        before = await database.write(lambda c: documents.mark_uploaded(c, "S1", "d1", "d1/y", NOW + 2))
        assert before is not None
        assert before.blob_key == "d1/x"

    async def test_unknown(self, database: Database) -> None:
        """No document, no upload; another seller's neither."""
        await add(database, announced())
        assert await database.write(lambda c: documents.mark_uploaded(c, "S1", "d9", "x", NOW)) is None
        assert await database.write(lambda c: documents.mark_uploaded(c, "S2", "d1", "x", NOW)) is None

    async def test_attached(self, database: Database) -> None:
        """The bytes of an attached document are never replaced."""
        await add(database, announced())
        await add_appointment(database)
        await database.write(lambda c: documents.mark_uploaded(c, "S1", "d1", "d1/x", NOW))
        await database.write(lambda c: documents.attach(c, "S1", "d1", "j1_a1", "sha", NOW))
        assert await database.write(lambda c: documents.mark_uploaded(c, "S1", "d1", "d1/y", NOW)) is None
        found = await database.read(lambda c: documents.find(c, "S1", ["d1"]))
        assert found["d1"].blob_key == "d1/x"


class TestAttach:
    async def test_of_appointment(self, database: Database) -> None:
        """The documents of an appointment, oldest attachment first."""
        await add(database, announced("d1"), announced("d2"), announced("d3"))
        await add_appointment(database)
        await database.write(lambda c: documents.attach(c, "S1", "d2", "j1_a1", "sha2", NOW + 1))
        await database.write(lambda c: documents.attach(c, "S1", "d1", "j1_a1", "sha1", NOW + 2))
        found = await database.read(lambda c: documents.of_appointment(c, "S1", "j1_a1"))
        assert [(one.upload_destination_id, one.content_sha256, one.attached_at) for one in found] == [
            ("d2", "sha2", NOW + 1),
            ("d1", "sha1", NOW + 2),
        ]
        assert await database.read(lambda c: documents.of_appointment(c, "S2", "j1_a1")) == []

    async def test_attached_once(self, database: Database) -> None:
        """An attachment stands: a second one changes nothing."""
        await add(database, announced())
        await add_appointment(database)
        await database.write(lambda c: documents.attach(c, "S1", "d1", "j1_a1", "sha1", NOW + 1))
        await database.write(lambda c: documents.attach(c, "S1", "d1", "j1_a1", "sha2", NOW + 2))
        found = await database.read(lambda c: documents.find(c, "S1", ["d1"]))
        assert found["d1"].content_sha256 == "sha1"

    async def test_no_such_appointment(self, database: Database) -> None:
        """The database itself refuses an appointment that is not there."""
        await add(database, announced())
        with pytest.raises(AlreadyExists):
            await database.write(lambda c: documents.attach(c, "S1", "d1", "j1_a9", "sha1", NOW))


class TestExpired:
    async def test_waited_in_vain(self, database: Database) -> None:
        """Expired are those of all sellers whose time is over and that no appointment has, oldest first, so many."""
        await add_appointment(database)
        await add(
            database,
            announced("d1", keep_until=NOW),
            announced("d2", keep_until=NOW - 1, seller_id="S2"),
            announced("d3", keep_until=NOW + 1),
            announced("d4", keep_until=NOW - 2),
            announced("d5", keep_until=NOW - 3),
        )
        await database.write(lambda c: documents.attach(c, "S1", "d5", "j1_a1", "sha", NOW - 4))
        found = await database.read(lambda c: documents.expired(c, NOW, 10))
        assert [one.upload_destination_id for one in found] == ["d4", "d2", "d1"]
        assert len(await database.read(lambda c: documents.expired(c, NOW, 2))) == 2

    async def test_delete(self, database: Database) -> None:
        """Deleting says whether it did: not twice, not early, not what is attached."""
        await add_appointment(database)
        await add(database, announced("d1", keep_until=NOW), announced("d2", keep_until=NOW))
        await database.write(lambda c: documents.attach(c, "S1", "d2", "j1_a1", "sha", NOW - 1))
        assert not await database.write(lambda c: documents.delete_expired(c, "S1", "d1", NOW - 1))
        assert not await database.write(lambda c: documents.delete_expired(c, "S2", "d1", NOW))
        assert not await database.write(lambda c: documents.delete_expired(c, "S1", "d2", NOW))
        assert await database.write(lambda c: documents.delete_expired(c, "S1", "d1", NOW))
        assert not await database.write(lambda c: documents.delete_expired(c, "S1", "d1", NOW))
