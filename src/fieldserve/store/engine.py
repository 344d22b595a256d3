"""Both databases behind one face, and everything in which they differ.

A use of the database is an async function of a `Connection`; it awaits nothing but that connection:

    await database.read(lambda c: jobs.find(c, seller_id, job_id))
    await database.write(book)          # one transaction: all of it or nothing

Statements are written once, in the subset of SQL that both share, with `$1` parameters. What differs stands here:

    LOCK            behind a SELECT: the rows stay locked until the transaction ends (SQLite has one writer anyway)
    placeholders()  a list of parameters for IN (…), since the two have no array parameter in common

SQLite runs reads on the event loop's thread, where a read costs microseconds, and all writes on one writer thread,
which takes every waiting transaction under a savepoint of its own, commits them with one fsync, and only then lets
their answers go.
"""

import asyncio
import queue
import re
import threading
from collections.abc import Awaitable, Callable, Coroutine, Iterable, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any, Literal, Protocol, TypeVar
from urllib.parse import urlsplit

import apsw
import asyncpg

T = TypeVar("T")
Row = Sequence[Any]
Dialect = Literal["sqlite", "postgresql"]

LOCK = "/* FOR UPDATE */"
SQLITE_AT_LEAST = (3, 51, 3)
BUSY_MILLISECONDS = 5_000
LARGEST_BATCH = 64


class Unavailable(Exception):
    """The database is away, or did not answer in time; nothing is known to be written."""


class Conflict(Exception):
    """Another transaction came in between; the same use may succeed when run again."""


class AlreadyExists(Exception):
    """A row with that key, or one that a constraint does not let stand beside it, is there already."""


class Connection(Protocol):
    """What a use of the database may do. Rows are sequences in the order of the SELECT."""

    dialect: Dialect

    async def fetch(self, sql: str, *values: Any) -> Sequence[Row]: ...
    async def fetch_one(self, sql: str, *values: Any) -> Row | None: ...
    async def execute(self, sql: str, *values: Any) -> None: ...
    async def execute_many(self, sql: str, rows: Iterable[Row]) -> None: ...
    async def run_script(self, sql: str) -> None: ...


Use = Callable[[Connection], Awaitable[T]]


class Database(Protocol):
    """A database that is open."""

    dialect: Dialect

    async def read(self, use: Use[T]) -> T:
        """Run a use that only reads, on one consistent state. Raises Unavailable."""
        ...

    async def write(self, use: Use[T]) -> T:
        """Run a use as one durable transaction; an exception rolls it back.

        Raises Conflict, AlreadyExists, Unavailable."""
        ...

    async def close(self) -> None: ...


def placeholders(values: Sequence[Any], after: int = 0) -> str:
    """`$3, $4` for two values that follow `after` = 2 parameters; `NULL` for none, which no value is IN."""
    return ", ".join(f"${after + number}" for number in range(1, len(values) + 1)) or "NULL"


async def connect(url: str, *, durable: bool = True, pool_size: int = 10) -> Database:
    """Open the database that a URL names: `sqlite:///path/to/file` or `postgresql://user@host/name`.

    `durable=False` leaves out the fsync of SQLite, for building worlds that can be built again."""
    scheme = urlsplit(url).scheme
    if scheme == "sqlite":
        return SQLite(Path(url.removeprefix("sqlite:///")), durable=durable)
    if scheme in ("postgresql", "postgres"):
        return await PostgreSQL.connect(url, pool_size)
    raise ValueError(f"the database URL must start with sqlite:/// or postgresql://, not {scheme or 'nothing'}://")


# ---- SQLite


@lru_cache(maxsize=2048)
def _for_sqlite(sql: str) -> str:
    return re.sub(r"\$(\d+)", r"?\1", sql)


class _SQLiteConnection:
    dialect: Dialect = "sqlite"

    def __init__(self, path: Path, durable: bool):
        self._connection = apsw.Connection(str(path), statementcachesize=256)
        self._connection.set_busy_timeout(BUSY_MILLISECONDS)
        # A foreign key is checked on each write; WAL lets reads go on while a write commits; FULL means that an
        # acknowledged write survives a power cut, which NORMAL does not promise.
        for pragma in (
            "journal_mode = WAL",
            f"synchronous = {'FULL' if durable else 'OFF'}",
            "foreign_keys = ON",
            "cache_size = -65536",
            "mmap_size = 268435456",
            "temp_store = MEMORY",
        ):
            self._connection.execute(f"PRAGMA {pragma}")

    async def fetch(self, sql: str, *values: Any) -> Sequence[Row]:
        return self._connection.execute(_for_sqlite(sql), values).fetchall()

    async def fetch_one(self, sql: str, *values: Any) -> Row | None:
        return self._connection.execute(_for_sqlite(sql), values).fetchone()

    async def execute(self, sql: str, *values: Any) -> None:
        self._connection.execute(_for_sqlite(sql), values)

    async def execute_many(self, sql: str, rows: Iterable[Row]) -> None:
        self._connection.executemany(_for_sqlite(sql), rows)

    async def run_script(self, sql: str) -> None:
        self._connection.execute(sql)

    def close(self) -> None:
        self._connection.close()


def _finish(awaitable: Awaitable[T]) -> T:
    """Run a use of SQLite to its end: none of its awaits waits for anything."""
    coroutine = awaitable.__await__() if not isinstance(awaitable, Coroutine) else awaitable
    try:
        coroutine.send(None)
    except StopIteration as done:
        return done.value  # type: ignore[no-any-return]
    raise RuntimeError("a use of the database may await nothing but its connection")


def _sqlite_fault(fault: Exception) -> Exception:
    match fault:
        case apsw.ConstraintError():
            return AlreadyExists(str(fault))
        case apsw.BusyError() | apsw.LockedError():
            return Conflict(str(fault))
        case apsw.FullError() | apsw.IOError() | apsw.CantOpenError() | apsw.ReadOnlyError():
            return Unavailable(str(fault))
        case _:
            return fault


class SQLite:
    """One file, one process, one writer thread."""

    dialect: Dialect = "sqlite"

    def __init__(self, path: Path, *, durable: bool = True):
        version = tuple(int(part) for part in apsw.sqlite_lib_version().split("."))
        if version < SQLITE_AT_LEAST:
            raise Unavailable(f"SQLite {apsw.sqlite_lib_version()} is older than 3.51.3 and can corrupt a database")
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            self._reader = _SQLiteConnection(path, durable)
            self._writer = _Writer(_SQLiteConnection(path, durable))
        except (apsw.Error, OSError) as fault:
            raise Unavailable(f"cannot open {path}: {fault}") from fault

    async def read(self, use: Use[T]) -> T:
        raw = self._reader._connection
        try:
            raw.execute("BEGIN")
            try:
                return _finish(use(self._reader))
            finally:
                raw.execute("ROLLBACK")
        except apsw.Error as fault:
            raise _sqlite_fault(fault) from fault

    async def write(self, use: Use[T]) -> T:
        return await self._writer.submit(use)

    async def close(self) -> None:
        await asyncio.to_thread(self._writer.stop)
        self._reader.close()


class _Writer(threading.Thread):
    """Takes transactions from a queue, in batches; each batch costs one fsync."""

    def __init__(self, connection: _SQLiteConnection):
        super().__init__(name="sqlite-writer", daemon=True)
        self._connection = connection
        self._queue: queue.SimpleQueue[tuple[Use[Any], asyncio.Future[Any]] | None] = queue.SimpleQueue()
        self.start()

    async def submit(self, use: Use[T]) -> T:
        future: asyncio.Future[T] = asyncio.get_running_loop().create_future()
        self._queue.put((use, future))
        return await future

    def stop(self) -> None:
        self._queue.put(None)
        self.join()

    def run(self) -> None:
        stopping = False
        while not stopping:
            batch, stopping = self._next_batch()
            outcomes = self._commit(batch)
            by_loop: dict[asyncio.AbstractEventLoop, list[tuple[asyncio.Future[Any], Any, Exception | None]]] = {}
            for (_, future), (value, fault) in zip(batch, outcomes, strict=True):
                by_loop.setdefault(future.get_loop(), []).append((future, value, fault))
            for loop, answers in by_loop.items():
                if not loop.is_closed():
                    loop.call_soon_threadsafe(_deliver, answers)
        self._connection.close()

    def _next_batch(self) -> tuple[list[tuple[Use[Any], asyncio.Future[Any]]], bool]:
        batch = []
        item = self._queue.get()
        while item is not None:
            batch.append(item)
            if len(batch) == LARGEST_BATCH or self._queue.empty():
                return batch, False
            item = self._queue.get()
        return batch, True

    def _commit(self, batch: list[tuple[Use[Any], asyncio.Future[Any]]]) -> list[tuple[Any, Exception | None]]:
        if not batch:
            return []
        raw = self._connection._connection
        try:
            raw.execute("BEGIN IMMEDIATE")
            outcomes = [self._run_one(raw, use) for use, _ in batch]
            raw.execute("COMMIT")
            return outcomes
        except Exception as fault:
            # Nothing of the batch is committed, so none of it may be answered as if it were.
            if raw.in_transaction:
                raw.execute("ROLLBACK")
            return [(None, _sqlite_fault(fault))] * len(batch)

    def _run_one(self, raw: apsw.Connection, use: Use[Any]) -> tuple[Any, Exception | None]:
        raw.execute("SAVEPOINT one")
        try:
            value = _finish(use(self._connection))
        except (apsw.FullError, apsw.IOError, apsw.CorruptError):
            raise
        except Exception as fault:
            raw.execute("ROLLBACK TO one")
            raw.execute("RELEASE one")
            return None, _sqlite_fault(fault)
        raw.execute("RELEASE one")
        return value, None


def _deliver(answers: list[tuple[asyncio.Future[Any], Any, Exception | None]]) -> None:
    for future, value, fault in answers:
        if future.done():  # its caller has gone; what was committed stays committed
            continue
        if fault is None:
            future.set_result(value)
        else:
            future.set_exception(fault)


# ---- PostgreSQL


@lru_cache(maxsize=2048)
def _for_postgresql(sql: str) -> str:
    return sql.replace(LOCK, "FOR UPDATE")


class _PostgreSQLConnection:
    dialect: Dialect = "postgresql"

    def __init__(self, connection: Any):
        self._connection = connection

    async def fetch(self, sql: str, *values: Any) -> Sequence[Row]:
        return await self._connection.fetch(_for_postgresql(sql), *values)  # type: ignore[no-any-return]

    async def fetch_one(self, sql: str, *values: Any) -> Row | None:
        return await self._connection.fetchrow(_for_postgresql(sql), *values)  # type: ignore[no-any-return]

    async def execute(self, sql: str, *values: Any) -> None:
        await self._connection.execute(_for_postgresql(sql), *values)

    async def execute_many(self, sql: str, rows: Iterable[Row]) -> None:
        await self._connection.executemany(_for_postgresql(sql), list(rows))

    async def run_script(self, sql: str) -> None:
        await self._connection.execute(sql)


_AWAY = (
    asyncpg.PostgresConnectionError,
    asyncpg.CannotConnectNowError,
    asyncpg.AdminShutdownError,
    asyncpg.CrashShutdownError,
    asyncpg.TooManyConnectionsError,
    asyncpg.InterfaceError,
    OSError,
    TimeoutError,
)


def _postgresql_fault(fault: Exception) -> Exception:
    match fault:
        case asyncpg.SerializationError() | asyncpg.DeadlockDetectedError():
            return Conflict(str(fault))
        case asyncpg.IntegrityConstraintViolationError():
            return AlreadyExists(str(fault))
        case _ if isinstance(fault, _AWAY):
            return Unavailable(str(fault))
        case _:
            return fault


class PostgreSQL:
    """A server, for any number of processes; each transaction locks the rows that it decides on."""

    dialect: Dialect = "postgresql"

    def __init__(self, pool: Any):
        self._pool = pool

    @classmethod
    async def connect(cls, url: str, pool_size: int) -> "PostgreSQL":
        try:
            pool = await asyncpg.create_pool(url, min_size=1, max_size=pool_size, command_timeout=30, timeout=5)
        except _AWAY as fault:
            raise Unavailable(f"cannot reach PostgreSQL: {fault}") from fault
        return cls(pool)

    async def read(self, use: Use[T]) -> T:
        return await self._run(use, isolation="repeatable_read", readonly=True)

    async def write(self, use: Use[T]) -> T:
        return await self._run(use, isolation="read_committed", readonly=False)

    async def _run(self, use: Use[T], *, isolation: str, readonly: bool) -> T:
        try:
            async with (
                self._pool.acquire(timeout=5) as connection,
                connection.transaction(isolation=isolation, readonly=readonly),
            ):
                return await use(_PostgreSQLConnection(connection))
        except (asyncpg.PostgresError, *_AWAY) as fault:
            raise _postgresql_fault(fault) from fault

    async def close(self) -> None:
        await self._pool.close()
