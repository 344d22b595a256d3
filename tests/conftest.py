"""What all tests may use: an event loop, real PostgreSQL databases, and a migrated database of either kind."""

import asyncio
import itertools
import os
import shutil
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from fieldserve.operations import client_secrets
from fieldserve.store import engine, migrate
from fieldserve.store.engine import Database
from tests import postgresql
from tests.access import CHEAP
from tests.databases import Databases, name_of

_AT_END = pytest.StashKey[ExitStack]()


def pytest_configure(config: pytest.Config) -> None:
    """Reserve a place for PostgreSQL before xdist starts its workers, which inherit the environment."""
    if not hasattr(config, "workerinput"):
        config.stash[_AT_END] = stack = ExitStack()
        stack.enter_context(postgresql.session_folder())
        # The servers that tests start would otherwise each compile all modules anew, for a third of a second.
        os.environ.pop("PYTHONDONTWRITEBYTECODE", None)


def pytest_unconfigure(config: pytest.Config) -> None:
    """Stop PostgreSQL after the last worker has ended."""
    if _AT_END in config.stash:
        config.stash[_AT_END].close()


@pytest.fixture(scope="session")
def anyio_backend() -> str:
    """The server runs on asyncio only, and so do its tests."""
    return "asyncio"


@pytest.fixture(scope="session", autouse=True)
def cheap_hashes() -> Iterator[None]:
    """Secrets are hashed in a millisecond, where the code under test is in this process: not in 200."""
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(client_secrets, "PARAMETERS", CHEAP)
        yield


@pytest.fixture(scope="session")
def postgres_url() -> str:
    """The URL of the session's PostgreSQL server, database `postgres`. Make databases of your own in it."""
    return postgresql.server_url()


@pytest.fixture(scope="session")
def create_postgres_database(postgres_url: str) -> Callable[[str | None], str]:
    """A function that makes a new database, empty or the copy of another by name, and returns its URL.

    Nobody may be connected to the database that is copied. All of them go with the server at the end. Who needs one
    that is migrated and empty borrows it from `postgres_databases`, which is faster.
    """
    numbers = itertools.count(1)

    def create(template: str | None = None) -> str:
        name = f"test_{os.getpid()}_{next(numbers)}"
        postgresql.run(postgres_url, f'CREATE DATABASE "{name}" TEMPLATE "{template or "template0"}"')
        return postgres_url.replace("/postgres?", f"/{name}?")

    return create


@pytest.fixture
def postgres_database(create_postgres_database: Callable[[str | None], str], postgres_url: str) -> Iterator[str]:
    """The URL of a brand-new, empty database, which is dropped after the test."""
    url = create_postgres_database(None)
    yield url
    postgresql.run(postgres_url, f'DROP DATABASE "{name_of(url)}" WITH (FORCE)')


@pytest.fixture(scope="session")
def migrated_sqlite(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A migrated, empty SQLite file to make copies of."""
    path = tmp_path_factory.mktemp("migrated") / "empty.db"
    _migrate(f"sqlite:///{path}")
    return path


@pytest.fixture(scope="session")
def migrated_postgres(create_postgres_database: Callable[[str | None], str]) -> str:
    """The URL of a migrated, empty PostgreSQL database to make copies of; nobody may stay connected to it."""
    url = create_postgres_database(None)
    _migrate(url)
    return url


@pytest.fixture(scope="session")
def postgres_databases(create_postgres_database: Callable[[str | None], str], migrated_postgres: str) -> Databases:
    """Migrated, empty PostgreSQL databases to borrow, for fixtures of any scope: about 20 ms each."""
    return Databases(create_postgres_database, migrated_postgres)


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgres)])
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """The URL of a migrated, empty database of the test's own: each test runs on both kinds."""
    # Asked for by name, so that nobody starts a PostgreSQL who runs the others only.
    if request.param == "sqlite":
        path = tmp_path / "fieldserve.db"
        shutil.copyfile(request.getfixturevalue("migrated_sqlite"), path)
        yield f"sqlite:///{path}"
        return
    with request.getfixturevalue("postgres_databases").one() as url:
        yield url


@pytest.fixture
async def database(database_url: str) -> AsyncIterator[Database]:
    """An open, migrated, empty database: each test runs on both kinds."""
    database = await engine.connect(database_url, durable=False)
    yield database
    await database.close()


def _migrate(url: str) -> None:
    async def migrate_and_close() -> None:
        database = await engine.connect(url, durable=False)
        await migrate.upgrade(database)
        await database.close()

    with asyncio.Runner(loop_factory=asyncio.new_event_loop) as runner:
        runner.run(migrate_and_close())
