"""What all tests may use: an event loop and real PostgreSQL databases."""

import itertools
import os
from collections.abc import Callable, Iterator
from contextlib import ExitStack

import pytest

from tests import postgresql

_AT_END = pytest.StashKey[ExitStack]()


def pytest_configure(config: pytest.Config) -> None:
    """Reserve a place for PostgreSQL before xdist starts its workers, which inherit the environment."""
    if not hasattr(config, "workerinput"):
        config.stash[_AT_END] = stack = ExitStack()
        stack.enter_context(postgresql.session_folder())


def pytest_unconfigure(config: pytest.Config) -> None:
    """Stop PostgreSQL after the last worker has ended."""
    if _AT_END in config.stash:
        config.stash[_AT_END].close()


@pytest.fixture(scope="session")
def anyio_backend() -> str:
    """The server runs on asyncio only, and so do its tests."""
    return "asyncio"


@pytest.fixture(scope="session")
def postgres_url() -> str:
    """The URL of the session's PostgreSQL server, database `postgres`. Make databases of your own in it."""
    return postgresql.server_url()


@pytest.fixture(scope="session")
def create_postgres_database(postgres_url: str) -> Callable[[str | None], str]:
    """A function that makes a new database, empty or the copy of another by name, and returns its URL.

    For fixtures of any scope: migrate one database per session, and give each class a copy of it (about 20 ms):

        url = create_postgres_database("migrated_by_this_worker")

    Nobody may be connected to the database that is copied. All of them go with the server at the end.
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
    name = url.partition("?")[0].rpartition("/")[2]
    postgresql.run(postgres_url, f'DROP DATABASE "{name}" WITH (FORCE)')
