"""A database that tells what happens on it: for metrics and traces."""

from collections.abc import Callable
from contextlib import AbstractContextManager

from fieldserve.store.engine import Conflict, Database, Dialect, T, Unavailable, Use

Span = Callable[[str], AbstractContextManager[object]]


class Observed:
    """The same database. `span` is entered around each transaction, with the kind: read or write."""

    def __init__(self, database: Database, span: Span | None = None):
        self._database = database
        self._span = span
        self._count: Callable[[str], None] = lambda _: None
        self.dialect: Dialect = database.dialect
        self.writes = 0

    @property
    def commits(self) -> int:
        """As the database counts them."""
        return self._database.commits

    def count_faults(self, count: Callable[[str], None]) -> None:
        """Call that with `conflict` or `unavailable` for each transaction that fails so."""
        self._count = count

    async def read(self, use: Use[T], *, snapshot: bool = True) -> T:
        """As the database does."""
        try:
            if self._span is None:
                return await self._database.read(use, snapshot=snapshot)
            with self._span("read"):
                return await self._database.read(use, snapshot=snapshot)
        except (Conflict, Unavailable) as fault:
            self._failed(fault)
            raise

    async def write(self, use: Use[T]) -> T:
        """As the database does."""
        self.writes += 1
        try:
            if self._span is None:
                return await self._database.write(use)
            with self._span("write"):
                return await self._database.write(use)
        except (Conflict, Unavailable) as fault:
            self._failed(fault)
            raise

    async def close(self) -> None:
        """As the database does."""
        await self._database.close()

    def _failed(self, fault: Exception) -> None:
        self._count("conflict" if isinstance(fault, Conflict) else "unavailable")
