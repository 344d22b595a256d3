"""Consistent copies of a database that is in use, and their way back.

SQLite is copied page by page within one read transaction: writers go on meanwhile, and the copy is the state at its
beginning. PostgreSQL is left to its own pg_dump and pg_restore, which do the same.
"""

import os
import shutil
import subprocess
from pathlib import Path
from urllib.parse import unquote, urlsplit, urlunsplit

import apsw

from fieldserve.store.engine import Unavailable
from fieldserve.store.keys import sync_folder

_TIMEOUT = 6 * 3600


class BackupFault(Exception):
    """What an operator can mend: a program that is missing, a file in the way, a copy that is not whole."""


# ---- SQLite


def copy_sqlite(source: Path, target: Path) -> None:
    """Copy a database that others read and write. Raises BackupFault, Unavailable."""
    if not source.exists():
        raise BackupFault(f"there is no database at {source}")
    try:
        origin = apsw.Connection(str(source), flags=apsw.SQLITE_OPEN_READWRITE)
        origin.set_busy_timeout(30_000)
        copy = apsw.Connection(str(target))
        try:
            with copy.backup("main", origin, "main") as backup:
                backup.step(-1)
            copy.execute("PRAGMA journal_mode = DELETE")  # one file, without a log beside it
        finally:
            copy.close()
            origin.close()
    except apsw.Error as fault:
        raise Unavailable(f"cannot copy {source}: {fault}") from fault


def check_sqlite(path: Path) -> None:
    """Read the whole file and check it. Raises BackupFault."""
    connection = apsw.Connection(str(path), flags=apsw.SQLITE_OPEN_READWRITE)
    try:
        said = connection.execute("PRAGMA integrity_check").fetchone()
        broken = connection.execute("PRAGMA foreign_key_check").fetchone()
    finally:
        connection.close()
    if said != ("ok",) or broken is not None:
        raise BackupFault(f"the copy of the database is damaged: {said or broken}")


def put_sqlite(copy: Path, target: Path, *, force: bool) -> None:
    """Make the copy the database at `target`. Raises BackupFault where one is there or, with `force`, is in use."""
    if target.exists():
        if not force:
            raise BackupFault(f"there is a database at {target} already; --force replaces it")
        _refuse_in_use(target)
    for beside in ("-wal", "-shm"):
        Path(f"{target}{beside}").unlink(missing_ok=True)
    target.parent.mkdir(parents=True, exist_ok=True)
    arriving = target.with_name(target.name + ".restoring")
    shutil.copyfile(copy, arriving)
    os.chmod(arriving, 0o600)
    with arriving.open("rb") as file:
        os.fsync(file.fileno())
    arriving.replace(target)
    sync_folder(target.parent)


def _refuse_in_use(path: Path) -> None:
    # Only who is alone with a database can take it out of write-ahead mode.
    connection = apsw.Connection(str(path))
    try:
        connection.set_busy_timeout(0)
        alone = connection.execute("PRAGMA journal_mode = DELETE").fetchone() == ("delete",)
    except apsw.BusyError:
        alone = False
    except apsw.NotADBError:
        alone = True  # what is damaged beyond that is what restoring is for
    finally:
        connection.close()
    if not alone:
        raise BackupFault(f"a server uses {path}; stop it first")


# ---- PostgreSQL


def dump_postgresql(url: str, target: Path) -> None:
    """Have pg_dump write its custom format. Raises BackupFault."""
    # Usage plans begin anew anyway.
    _run("pg_dump", url, "--format=custom", "--exclude-table-data=usage_buckets", f"--file={target}")


def load_postgresql(url: str, dump: Path, *, force: bool) -> None:
    """Have pg_restore fill the database, all or nothing; `force` drops what is there. Raises BackupFault."""
    clean = ("--clean", "--if-exists") if force else ()
    _run("pg_restore", url, "--exit-on-error", "--single-transaction", *clean, str(dump))


def _run(program: str, url: str, *arguments: str) -> None:
    if shutil.which(program) is None:
        raise BackupFault(
            f"{program} is not on the PATH; it comes with PostgreSQL's client programs (Debian: postgresql-client)"
        )
    parts = urlsplit(url)
    user, _, password = parts.netloc.rpartition("@")[0].partition(":")
    host = parts.netloc.rpartition("@")[2]
    without = urlunsplit(parts._replace(netloc=f"{user}@{host}" if user else host))
    # The command line can be read by every user of the machine; the environment cannot.
    environment = os.environ | ({"PGPASSWORD": unquote(password)} if password else {})
    command = [program, "--no-owner", "--no-privileges", f"--dbname={without}", *arguments]
    ran = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=_TIMEOUT, check=False)  # noqa: S603
    if ran.returncode != 0:
        raise BackupFault(f"{program} failed: {ran.stderr.strip() or ran.returncode}")
