"""The event log, as whoever follows it sees it."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import cast

import pytest

from fieldserve.config import Settings
from fieldserve.operations.events import list_events
from fieldserve.operations.run import Context
from fieldserve.store import engine, events
from fieldserve.store.blobs import Blobs
from fieldserve.store.engine import Connection, Database
from fieldserve.store.events import Event
from fieldserve.store.keys import Seal


@pytest.fixture
async def context(database: Database, tmp_path: Path) -> AsyncIterator[Context]:
    """A context on either database."""
    context = Context(Settings(data=tmp_path), database, cast(Blobs, None), Seal(bytes(32)))
    yield context
    context.client_secrets.close()


def event(subject: str) -> Event:
    return Event(0, "S1", "test", "thing.happened", subject)


async def follow(context: Context, after: int) -> tuple[list[str], int]:
    """The subjects of the next page, and where the one after it begins."""
    page = await list_events(context, after=after)
    return [one.subject for one in page.events], page.next


async def test_many_writers(context: Context) -> None:
    """Of events that many write at once, a follower sees each exactly once."""
    names = [f"thing-{number}" for number in range(60)]

    async def write(name: str) -> None:
        await context.database.write(lambda c: events.append(c, event(name)))

    writers = asyncio.gather(*(write(name) for name in names))
    seen: list[str] = []
    after = 0
    while not writers.done():
        subjects, after = await follow(context, after)
        seen += subjects
        await asyncio.sleep(0)  # reading SQLite gives nobody else a turn
    await writers
    subjects, after = await follow(context, after)
    assert sorted(seen + subjects) == sorted(names)


@pytest.mark.postgres
@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
async def test_slow_writer(context: Context, database_url: str) -> None:
    """An event that is written first and committed last is not passed over: the page waits, then ends before it."""
    written, go_on = asyncio.Event(), asyncio.Event()
    other = await engine.connect(database_url)

    async def slowly(c: Connection) -> None:
        await events.append(c, event("slow"))
        written.set()
        await go_on.wait()

    slow = asyncio.create_task(other.write(slowly))
    await written.wait()
    await context.database.write(lambda c: events.append(c, event("quick")))
    assert await follow(context, 0) == ([], 0)
    go_on.set()
    await slow
    subjects, _ = await follow(context, 0)
    assert subjects == ["slow", "quick"]
    await other.close()
