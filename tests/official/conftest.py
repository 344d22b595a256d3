"""Servers that real clients call, one strict, as by default, and one tolerant; and the small world in process."""

import shutil
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from fieldserve.store import engine
from tests.official.running import RunningServer, running
from tests.world import World, a_world


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServer]:
    """A server with its defaults."""
    with running(tmp_path_factory.mktemp("strict") / "data") as server:
        yield server


@pytest.fixture(scope="session")
def tolerant_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServer]:
    """A server that reads what well-known clients misplace as it was meant."""
    with running(tmp_path_factory.mktemp("tolerant") / "data", "--compat", "tolerant") as server:
        yield server


@pytest.fixture(scope="module")
async def small_world(
    migrated_sqlite: Path, anyio_backend: str, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[World]:
    """The small world, on SQLite, for all tests of a file."""
    folder = tmp_path_factory.mktemp("small")
    database = await engine.connect(f"sqlite:///{shutil.copyfile(migrated_sqlite, folder / 'f.db')}", durable=False)
    async with a_world(database, folder / "data") as world:
        yield world
    await database.close()
