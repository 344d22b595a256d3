"""A database that can be put back to an earlier state while its process goes on using it: for sandboxes.

A state is kept as a copy: a file beside SQLite's, or a database made from PostgreSQL's as its template. To put one
back, uses that are under way are waited for, and those that come meanwhile wait.
"""

import asyncio
import re
import shutil
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TypeVar
from urllib.parse import unquote, urlsplit, urlunsplit

import asyncpg

from fieldserve.store.backup import copy_sqlite
from fieldserve.store.engine import Database, Dialect, Use, connect

T = TypeVar("T")

NAME = re.compile(r"[a-z0-9][a-z0-9-]{0,30}", re.ASCII)


class NoSuchState(Exception):
    """No state was kept under that name."""


class Switch:
    """A database of a URL, whose states can be kept under names and put back."""

    def __init__(self, url: str, inner: Database):
        self._url, self._inner = url, inner
        self.dialect: Dialect = inner.dialect
        self._before = 0
        self._uses = 0
        self._idle = asyncio.Event()
        self._open = asyncio.Event()
        self._open.set()

    @property
    def commits(self) -> int:
        """It grows when a state is put back, too: what was read before is out of date."""
        return self._before + self._inner.commits

    async def read(self, use: Use[T], *, snapshot: bool = True) -> T:
        """As the database within."""
        async with self._using():
            return await self._inner.read(use, snapshot=snapshot)

    async def write(self, use: Use[T]) -> T:
        """As the database within."""
        async with self._using():
            return await self._inner.write(use)

    async def close(self) -> None:
        """Close the database within."""
        await self._inner.close()

    @asynccontextmanager
    async def _using(self) -> AsyncIterator[None]:
        while not self._open.is_set():
            await self._open.wait()
        self._uses += 1
        try:
            yield
        finally:
            self._uses -= 1
            if not self._uses:
                self._idle.set()

    async def keep(self, name: str) -> None:
        """Keep the present state under a name, in the place of an earlier one of that name."""
        if self.dialect == "sqlite":
            target = self._file(name)
            target.parent.mkdir(parents=True, exist_ok=True)
            draft = target.with_suffix(".new")
            draft.unlink(missing_ok=True)
            await asyncio.to_thread(copy_sqlite, _path(self._url), draft)
            draft.replace(target)
            return
        await self._alone(lambda: self._copy(_name(self._url), self._twin(name)))

    async def put_back(self, name: str) -> None:
        """Make the state of that name the present one. Raises NoSuchState."""
        if name not in await self.names():
            raise NoSuchState(name)
        if self.dialect == "sqlite":
            await self._alone(lambda: asyncio.to_thread(_replace, self._file(name), _path(self._url)))
        else:
            await self._alone(lambda: self._copy(self._twin(name), _name(self._url)))

    async def names(self) -> list[str]:
        """What was kept."""
        if self.dialect == "sqlite":
            return sorted(path.stem for path in self._file("x").parent.glob("*.db"))
        prefix = self._twin("")
        rows = await _maintain(self._url, "SELECT datname FROM pg_database WHERE starts_with(datname, $1)", prefix)
        return sorted(str(row[0]).removeprefix(prefix) for row in rows)

    async def drop(self, name: str) -> None:
        """Forget a state. Raises NoSuchState."""
        if name not in await self.names():
            raise NoSuchState(name)
        if self.dialect == "sqlite":
            self._file(name).unlink()
        else:
            await _maintain(self._url, f'DROP DATABASE "{self._twin(name)}"')

    async def _alone(self, do: Callable[[], Awaitable[None]]) -> None:
        """Do something while nobody has the database open."""
        self._open.clear()
        try:
            while self._uses:
                self._idle.clear()
                await self._idle.wait()
            await self._inner.close()
            try:
                await do()
            finally:
                before = self.commits + 1
                self._inner = await connect(self._url, durable=False)
                self._before = before
        finally:
            self._open.set()

    async def _copy(self, source: str, target: str) -> None:
        await _maintain(self._url, f'DROP DATABASE IF EXISTS "{target}"')
        await _maintain(self._url, f'CREATE DATABASE "{target}" TEMPLATE "{source}"')

    def _file(self, name: str) -> Path:
        return _path(self._url).parent / "snapshots" / f"{name}.db"

    def _twin(self, name: str) -> str:
        return f"{_name(self._url)}-snapshot-{name}"


def _path(url: str) -> Path:
    return Path(url.removeprefix("sqlite:///"))


def _name(url: str) -> str:
    return unquote(urlsplit(url).path.removeprefix("/"))


def _replace(copy: Path, target: Path) -> None:
    for beside in ("-wal", "-shm"):
        Path(f"{target}{beside}").unlink(missing_ok=True)
    shutil.copyfile(copy, target)


async def _maintain(url: str, sql: str, *values: object) -> list[asyncpg.Record]:
    """Run a statement beside the database, which nobody may be connected to."""
    connection = await asyncpg.connect(urlunsplit(urlsplit(url)._replace(path="/postgres")))
    try:
        return list(await connection.fetch(sql, *values))
    finally:
        await connection.close()
