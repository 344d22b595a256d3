"""Operators' keys in both databases."""

from fieldserve.store import operator_keys
from fieldserve.store.engine import Connection, Database
from fieldserve.store.operator_keys import OperatorKey


class TestOperatorKeys:
    async def test_found_listed_revoked(self, database: Database) -> None:
        """Revoking a name revokes all of its keys, once, and no other's."""
        keys = [OperatorKey("h1", "ann", 1), OperatorKey("h2", "bob", 2), OperatorKey("h3", "ann", 3)]

        async def add(c: Connection) -> None:
            for key in keys:
                await operator_keys.add(c, key)

        await database.write(add)
        assert await database.read(lambda c: operator_keys.find(c, "h2")) == keys[1]
        assert await database.read(lambda c: operator_keys.find(c, "ann")) is None
        await database.write(lambda c: operator_keys.revoke(c, "ann", 7))
        await database.write(lambda c: operator_keys.revoke(c, "ann", 8))
        listed = await database.read(operator_keys.list_all)
        assert [(key.key_hash, key.revoked_at) for key in listed] == [("h1", 7), ("h2", None), ("h3", 7)]
