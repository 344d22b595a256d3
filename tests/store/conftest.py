"""Databases with something in them."""

import pytest

from fieldserve.store.engine import Database
from tests.shop import open_shop


@pytest.fixture
async def shop(database: Database) -> Database:
    """A database of either kind with two sellers, their stores, technicians and a service."""
    await database.write(open_shop)
    return database
