"""Both databases behind one face, and everything in which they differ.

A use of the database is an async function of a `Connection`; it awaits nothing but that connection:

    await database.read(lambda c: jobs.find(c, seller_id, job_id))
    await database.write(book)          # one transaction: all of it or nothing

Statements are written once, in the subset of SQL that both share, with `$1` parameters. What differs stands here:

    LOCK            behind a SELECT: the rows stay locked until the transaction ends (SQLite has one writer anyway)
    SKIP_LOCKED     the same, without the rows that another transaction has locked: for queues with several workers
    placeholders()  a list of parameters for IN (…), since the two have no array parameter in common

SQLite runs reads on the event loop's thread, where a read costs microseconds, and all writes on one writer thread,
which takes every waiting transaction under a savepoint of its own, commits them with one fsync, and only then lets
their answers go.

PostgreSQL may be restarted, killed or cut off at any moment. No caller waits longer than `WITHIN` for it, and none is
told of success before the commit is acknowledged.
"""

import asyncio
import queue
import re
import threading
import time
from collections.abc import Awaitable, Callable, Iterable, Sequence
from contextlib import suppress
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
SKIP_LOCKED = "/* FOR UPDATE SKIP LOCKED */"
SQLITE_AT_LEAST = (3, 51, 3)
BUSY_MILLISECONDS = 5_000
PATIENT_TRIES = 60_000
"""Of a migration, each of some milliseconds, before it gives up: about five minutes."""
CONNECT_WITHIN = 5.0
LARGEST_BATCH = 64
WITHIN = 10.0
"""Seconds that a transaction may take on PostgreSQL, waiting for a connection and for locks included."""


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

    @property
    def commits(self) -> int:
        """Transactions that this process has written. What was read before it grew may be out of date."""
        ...

    async def read(self, use: Use[T], *, snapshot: bool = True) -> T:
        """Run a use that only reads. Raises Unavailable.

        All its statements see one state; without `snapshot` each sees the newest, which spares a use of one statement,
        and one whose statements need not agree, what a transaction costs."""
        ...

    async def write(self, use: Use[T]) -> T:
        """Run a use as one durable transaction; an exception rolls it back.

        Raises Conflict, AlreadyExists, Unavailable."""
        ...

    async def close(self) -> None: ...


def placeholders(values: Sequence[Any], after: int = 0) -> str:
    """`$3, $4` for two values that follow `after` = 2 parameters; `NULL` for none, which no value is IN."""
    return ", ".join(f"${after + number}" for number in range(1, len(values) + 1)) or "NULL"


async def connect(url: str, *, durable: bool = True, pool_size: int = 10, within: float | None = WITHIN) -> Database:
    """Open the database that a URL names: `sqlite:///path/to/file` or `postgresql://user@host/name`.

    `durable=False` leaves out the fsync of SQLite, for building worlds that can be built again. `within` bounds a
    transaction on PostgreSQL, in seconds; None lets a migration take its time, and on SQLite wait for its turn for as
    long as others keep writing. PostgreSQL need not answer yet: what is used on it says so."""
    scheme = urlsplit(url).scheme
    if scheme == "sqlite":
        return SQLite(Path(url.removeprefix("sqlite:///")), durable=durable, patient=within is None)
    if scheme in ("postgresql", "postgres"):
        return PostgreSQL(url, pool_size, within)
    raise ValueError(f"the database URL must start with sqlite:/// or postgresql://, not {scheme or 'nothing'}://")


class Joined:
    """A transaction that is under way, as a database: what is written on it stays or goes with the whole of it.

    A write that raises is undone alone. What breaks the whole transaction (a conflict, an outage) passes through as
    the driver raised it, since only the database that began it can tell what comes next."""

    def __init__(self, c: Connection):
        self._c = c
        self.dialect: Dialect = c.dialect
        self.commits = 0
        self._fault = _sqlite_fault if c.dialect == "sqlite" else _postgresql_fault

    async def read(self, use: Use[T], *, snapshot: bool = True) -> T:
        return await use(self._c)

    async def write(self, use: Use[T]) -> T:
        self.commits += 1
        await self._c.run_script("SAVEPOINT joined")
        try:
            value = await use(self._c)
        except Exception as fault:
            told = self._fault(fault)
            if isinstance(told, Conflict | Unavailable):
                raise
            await self._c.run_script("ROLLBACK TO joined")
            await self._c.run_script("RELEASE joined")
            raise told from fault
        await self._c.run_script("RELEASE joined")
        return value

    async def close(self) -> None:
        """Nothing: whoever began the transaction ends it."""


# ---- SQLite


@lru_cache(maxsize=2048)
def _for_sqlite(sql: str) -> str:
    return re.sub(r"\$(\d+)", r"?\1", sql)


class _SQLiteConnection:
    dialect: Dialect = "sqlite"

    def __init__(self, path: Path, durable: bool, patient: bool = False):
        self._connection = apsw.Connection(str(path), statementcachesize=256)
        if patient:
            self._connection.set_busy_handler(_wait_for_a_turn)
        else:
            self._connection.set_busy_timeout(BUSY_MILLISECONDS)
        # Built with STAT4, as it is in the wheel, SQLite prepares many a statement anew for each set of values, in case
        # they called for another plan. They do not here, and it costs more than most statements themselves.
        self._connection.config(apsw.SQLITE_DBCONFIG_ENABLE_QPSG, 1)
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
        # To the end: a statement that answers rows (a migration's RETURNING) would otherwise hold up those behind it.
        for _ in self._connection.execute(sql):
            pass

    def close(self) -> None:
        self._connection.close()


def _wait_for_a_turn(tries: int) -> bool:
    """SQLite's own wait grows to a tenth of a second, in which those who write all the time never leave a gap."""
    time.sleep(0.001 + tries % 7 / 1000)
    return tries < PATIENT_TRIES


def _finish(awaitable: Awaitable[T]) -> T:
    """Run a use of SQLite to its end: none of its awaits waits for anything."""
    try:
        awaitable.__await__().send(None)
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
    """One file, one writer thread in each process that has it open.

    One process is what it is made for. Several are correct, too: a transaction takes SQLite's write lock before it
    reads anything, and who does not get it within `BUSY_MILLISECONDS` gets Conflict. `patient` waits for minutes."""

    dialect: Dialect = "sqlite"

    def __init__(self, path: Path, *, durable: bool = True, patient: bool = False):
        version = tuple(int(part) for part in apsw.sqlite_lib_version().split("."))
        if version < SQLITE_AT_LEAST:
            raise Unavailable(f"SQLite {apsw.sqlite_lib_version()} is older than 3.51.3 and can corrupt a database")
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            self._reader = _SQLiteConnection(path, durable, patient)
            self._writer = _Writer(_SQLiteConnection(path, durable, patient))
        except (apsw.Error, OSError) as fault:
            raise Unavailable(f"cannot open {path}: {fault}") from fault

    @property
    def commits(self) -> int:
        return self._writer.commits

    async def read(self, use: Use[T], *, snapshot: bool = True) -> T:
        raw = self._reader._connection
        try:
            if not snapshot:
                return _finish(use(self._reader))
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
        self.commits = 0
        self._connection = connection
        self._queue: queue.SimpleQueue[tuple[Use[Any], asyncio.Future[Any]] | None] = queue.SimpleQueue()
        self._stopping = False
        self.start()

    async def submit(self, use: Use[T]) -> T:
        if self._stopping:
            raise Unavailable("the database is closed")
        future: asyncio.Future[T] = asyncio.get_running_loop().create_future()
        self._queue.put((use, future))
        return await future

    def stop(self) -> None:
        self._stopping = True
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
                with suppress(RuntimeError):  # the loop is closed, and nobody waits any more
                    loop.call_soon_threadsafe(_deliver, answers)
        with suppress(apsw.Error):  # a disk that is gone; what was committed is in the log beside the file
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
            self.commits += 1
            return outcomes
        except Exception as fault:
            # Nothing of the batch is committed, so none of it may be answered as if it were. Whatever happens, this
            # thread stays: without it every write would wait for ever.
            with suppress(apsw.Error):
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
    return sql.replace(LOCK, "FOR UPDATE").replace(SKIP_LOCKED, "FOR UPDATE SKIP LOCKED")


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
    asyncpg.OperatorInterventionError,  # shut down, starting up, statement_timeout
    asyncpg.InsufficientResourcesError,  # too many connections, disk full
    asyncpg.LockNotAvailableError,  # lock_timeout
    asyncpg.IdleInTransactionSessionTimeoutError,
    asyncpg.ReadOnlySQLTransactionError,  # a standby that was not promoted
    asyncpg.InterfaceError,
    OSError,
    TimeoutError,
)

_CONFLICTS = (
    asyncpg.SerializationError,
    asyncpg.DeadlockDetectedError,
    asyncpg.InvalidCachedStatementError,  # another process has migrated
)


def _postgresql_fault(fault: Exception) -> Exception:
    if isinstance(fault, _CONFLICTS):
        return Conflict(str(fault))
    if isinstance(fault, asyncpg.IntegrityConstraintViolationError):
        return AlreadyExists(str(fault))
    # asyncpg's own DataError is an InterfaceError, too, but a defect of ours and no sign of an outage.
    if isinstance(fault, _AWAY) and not isinstance(fault, ValueError):
        return Unavailable(str(fault) or type(fault).__name__)
    return fault


class PostgreSQL:
    """A server, for any number of processes; each transaction locks the rows that it decides on."""

    dialect: Dialect = "postgresql"

    def __init__(self, url: str, pool_size: int, within: float | None):
        self.commits = 0
        self._pool = _Pool(url, pool_size, within)
        self._within = within

    async def read(self, use: Use[T], *, snapshot: bool = True) -> T:
        return await self._run(use, "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY" if snapshot else None)

    async def write(self, use: Use[T]) -> T:
        try:
            return await self._run(use, "BEGIN ISOLATION LEVEL READ COMMITTED")
        finally:
            self.commits += 1  # also where nobody knows whether it did

    async def _run(self, use: Use[T], begin: str | None) -> T:
        try:
            async with asyncio.timeout(self._within):
                connection = await self._pool.take()
                usable = False
                try:
                    if begin is None:
                        value = await use(_PostgreSQLConnection(connection))
                    else:
                        value = await self._transact(connection, use, begin)
                    usable = True
                    return value
                except Exception as fault:
                    away = isinstance(_postgresql_fault(fault), Unavailable)
                    usable = not away and (begin is None or await _rolled_back(connection))
                    raise
                finally:
                    self._pool.give_back(connection, usable)
        except (asyncpg.PostgresError, *_AWAY) as fault:
            raise _postgresql_fault(fault) from fault

    async def _transact(self, connection: Any, use: Use[T], begin: str) -> T:
        await connection.execute(begin)
        value = await use(_PostgreSQLConnection(connection))
        # A transaction in which a statement failed answers COMMIT with ROLLBACK, and no error.
        if (done := await connection.execute("COMMIT")) != "COMMIT":
            raise RuntimeError(f"a use went on after a statement had failed; COMMIT was answered with {done}")
        return value

    async def close(self) -> None:
        await self._pool.close()


async def _rolled_back(connection: Any) -> bool:
    try:
        await connection.execute("ROLLBACK")
    except (asyncpg.PostgresError, *_AWAY):
        return False
    return True


class _Pool:
    """Connections, opened as they are needed and kept for whoever comes next; when all are in use one waits in line.

    A connection on which something else happened than an answer is dropped without waiting for the server, which may
    not listen any more, and all that lie idle go with it: they lead to the same place, and each would cost a caller the
    whole time limit to find that out."""

    def __init__(self, url: str, size: int, within: float | None):
        self._url = url
        self._free = asyncio.Semaphore(size)
        self._idle: list[Any] = []
        self._closed = False
        self._session = _session(within)

    async def take(self) -> Any:
        await self._free.acquire()
        try:
            while self._idle:
                connection = self._idle.pop()
                if not connection.is_closed():
                    return connection
            if self._closed:
                raise Unavailable("the database is closed")
            return await self._connect()
        except BaseException:
            self._free.release()
            raise

    async def _connect(self) -> Any:
        try:
            return await asyncpg.connect(self._url, timeout=CONNECT_WITHIN, server_settings=self._session)
        except (asyncpg.PostgresError, ValueError, *_AWAY) as fault:
            # A wrong password or name is no defect either: whoever runs the server has to mend it.
            raise Unavailable(f"cannot reach PostgreSQL: {str(fault) or type(fault).__name__}") from fault

    def give_back(self, connection: Any, usable: bool) -> None:
        if usable and not self._closed:
            self._idle.append(connection)
        else:
            connection.terminate()
        if not usable:
            while self._idle:
                self._idle.pop().terminate()
        self._free.release()

    async def close(self) -> None:
        self._closed = True
        while self._idle:
            with suppress(asyncpg.PostgresError, *_AWAY):
                await self._idle.pop().close(timeout=1)


def _session(within: float | None) -> dict[str, str]:
    """What the server is to do by itself for each of our connections: end what nobody waits for any more, so that no
    row stays locked by a process that was killed or cut off."""
    session = {
        "application_name": "fieldserve",
        "client_connection_check_interval": "1s",
        "tcp_keepalives_idle": "5",
        "tcp_keepalives_interval": "2",
        "tcp_keepalives_count": "3",
        "tcp_user_timeout": "10s",
    }
    if within is not None:
        milliseconds = int(within * 1000)
        session["statement_timeout"] = session["idle_in_transaction_session_timeout"] = str(milliseconds)
        session["lock_timeout"] = str(milliseconds // 2)
    return session
