"""The small world, on both databases."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from fieldserve.store.engine import Database
from tests.desk import Desk, a_desk
from tests.world import World, a_world


@pytest.fixture
async def world(database: Database, tmp_path: Path) -> AsyncIterator[World]:
    """The small world with the API in front of it, called in process."""
    async with a_world(database, tmp_path / "data") as world:
        yield world


@pytest.fixture
async def tolerant_world(database: Database, tmp_path: Path) -> AsyncIterator[World]:
    """The same with `compat = "tolerant"`."""
    async with a_world(database, tmp_path / "data", compat="tolerant") as world:
        yield world


@pytest.fixture
async def desk(world: World) -> AsyncIterator[Desk]:
    """An operator's desk in the small world, with the whole server in front of it."""
    async with a_desk(world) as desk:
        yield desk
