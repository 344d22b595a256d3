"""What stands behind the tokens that were presented a moment ago, so that not every request reads it anew.

It is forgotten after a second, and as soon as this process writes anything at all: what is revoked here is refused from
the next request on, what another process revokes within the second.
"""

import time
from typing import Any, NamedTuple

from fieldserve.store.engine import Database
from fieldserve.store.tokens import Access, find_access

REMEMBER_FOR = 1.0
"""Seconds."""

MOST = 4096
"""Tokens; one more, and all are forgotten."""


class Memory(NamedTuple):
    """What is remembered together and forgotten together: accesses by the hash of their token, and what the edge made
    of them, by whatever it likes."""

    accesses: dict[str, Access]
    callers: dict[Any, Any]


class Accesses:
    """Accesses of tokens, none of them read before `_since`."""

    def __init__(self) -> None:
        self._memory = Memory({}, {})
        self._commits = -1
        self._since = 0.0

    def fresh(self, database: Database) -> Memory:
        """What is remembered now. To be asked for before anything is read that is to be kept in it: what is committed
        while it is read makes it old."""
        commits, now, memory = database.commits, time.monotonic(), self._memory
        if (
            commits != self._commits
            or now - self._since > REMEMBER_FOR
            or len(memory.accesses) > MOST
            or len(memory.callers) > MOST
        ):
            memory = self._memory = Memory({}, {})
            self._commits, self._since = commits, now
        return memory

    async def find(self, database: Database, token_hash: str) -> Access | None:
        """As `tokens.find_access`, from memory where that is fresh. Raises Unavailable, Conflict."""
        known = self.fresh(database).accesses
        if (access := known.get(token_hash)) is None:
            access = await database.read(lambda c: find_access(c, token_hash), snapshot=False)
            if access is not None:
                known[token_hash] = access
        return access
