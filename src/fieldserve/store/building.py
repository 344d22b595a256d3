"""A SQLite file in the making: one connection for reading and writing, and few commits.

Whoever makes a world of many thousand small transactions has nobody to answer to in between: nothing here waits for
another thread, and a commit comes only every so often. Cut short, such a file is of no use; make it beside its final
place, and put it there when it is whole.
"""

from pathlib import Path

import apsw

from fieldserve.store.engine import Dialect, T, Use, _finish, _sqlite_fault, _SQLiteConnection

COMMIT_EVERY = 2_000


class Building:
    """A Database on a file that nobody else has open. Each write is still all or nothing."""

    dialect: Dialect = "sqlite"

    def __init__(self, path: Path):
        self._connection = _SQLiteConnection(path, durable=False)
        self._raw = self._connection._connection
        self._uses = 0
        self.commits = 0
        self._raw.execute("BEGIN IMMEDIATE")

    async def read(self, use: Use[T], *, snapshot: bool = True) -> T:
        try:
            return _finish(use(self._connection))
        except apsw.Error as fault:
            raise _sqlite_fault(fault) from fault

    async def write(self, use: Use[T]) -> T:
        raw = self._raw
        raw.execute("SAVEPOINT one")
        try:
            value = _finish(use(self._connection))
        except Exception as fault:
            raw.execute("ROLLBACK TO one")
            raw.execute("RELEASE one")
            raise _sqlite_fault(fault) from fault
        raw.execute("RELEASE one")
        self._uses += 1
        self.commits += 1
        if self._uses % COMMIT_EVERY == 0:
            raw.execute("COMMIT")
            raw.execute("BEGIN IMMEDIATE")
        return value

    async def close(self) -> None:
        self._raw.execute("COMMIT")
        self._connection.close()
