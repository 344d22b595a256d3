"""Keys of the operator API."""

import shutil
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from fieldserve.operations.operator_keys import (
    create_operator_key,
    list_operator_keys,
    revoke_operator_keys,
    verify_operator_key,
)
from fieldserve.operations.run import Context
from fieldserve.store.engine import Database
from fieldserve.wire.errors import ApiError
from tests.access import OPERATOR, SetClock, opened


@pytest.fixture
def database_url(migrated_sqlite: Path, tmp_path: Path) -> str:
    """SQLite only: the statements run on both databases in tests/store, and whole flows in test_secrets.py."""
    return f"sqlite:///{shutil.copyfile(migrated_sqlite, tmp_path / 'fieldserve.db')}"


@pytest.fixture
async def context(database: Database) -> AsyncIterator[Context]:
    async with opened(database, SetClock()) as context:
        yield context


class TestOperatorKeys:
    async def test_stands_for_its_name(self, context: Context) -> None:
        """A key of 256 bits stands for an operator by name, and no other text does."""
        key = await create_operator_key(context, OPERATOR, "ann")
        assert key.startswith("fsk_")
        assert len(key) == 4 + 43
        caller = await verify_operator_key(context, key)
        assert caller is not None
        assert (caller.actor, caller.seller_id, caller.marketplaces) == ("operator:ann", "", frozenset())
        (listed,) = await list_operator_keys(context)
        for wrong in (key + "x", key[:-1], key.removeprefix("fsk_"), "", "fsk_", listed.key_hash, "fsk_\x00\udce9"):
            assert await verify_operator_key(context, wrong) is None

    async def test_revoked(self, context: Context) -> None:
        """All keys of a name are refused at once; another name's are not."""
        first, second = [await create_operator_key(context, OPERATOR, "ann") for _ in range(2)]
        other = await create_operator_key(context, OPERATOR, "bob")
        await revoke_operator_keys(context, OPERATOR, "ann")
        assert [await verify_operator_key(context, key) for key in (first, second)] == [None, None]
        assert await verify_operator_key(context, other) is not None

    @pytest.mark.parametrize("name", ["", " ", "a\nb", "x" * 101])
    async def test_name(self, context: Context, name: str) -> None:
        """A name that would spoil the log is refused."""
        with pytest.raises(ApiError, match="name"):
            await create_operator_key(context, OPERATOR, name)
