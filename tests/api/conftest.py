"""The small world, on both databases."""

import shutil
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from fieldserve.store import engine
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


@pytest.fixture(scope="module", params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgres)])
def shared_database_url(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The URL of a migrated, empty database for all tests of a file."""
    if request.param == "sqlite":
        path = tmp_path_factory.mktemp("shared") / "fieldserve.db"
        yield f"sqlite:///{shutil.copyfile(request.getfixturevalue('migrated_sqlite'), path)}"
        return
    with request.getfixturevalue("postgres_databases").one() as url:
        yield url


@pytest.fixture(scope="module")
async def shared_world(
    shared_database_url: str, anyio_backend: str, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[World]:
    """One small world for all tests of a file, for files of many tests that each make their own things in it."""
    database = await engine.connect(shared_database_url, durable=False)
    async with a_world(database, tmp_path_factory.mktemp("data")) as world:
        yield world
    await database.close()


@pytest.fixture
async def desk(world: World) -> AsyncIterator[Desk]:
    """An operator's desk in the small world, with the whole server in front of it."""
    async with a_desk(world) as desk:
        yield desk
