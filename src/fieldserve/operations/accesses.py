"""What stands behind the tokens that were presented a moment ago, so that not every request reads it anew.

It is forgotten after a second, and as soon as this process writes anything at all: what is revoked here is refused from
the next request on, what another process revokes within the second.
"""

import time

from fieldserve.store.engine import Database
from fieldserve.store.tokens import Access, find_access

REMEMBER_FOR = 1.0
"""Seconds."""

MOST = 4096
"""Tokens; one more, and all are forgotten."""


class Accesses:
    """Accesses by the hash of their token, none of them read before `_since`."""

    def __init__(self) -> None:
        self._known: dict[str, Access] = {}
        self._commits = -1
        self._since = 0.0

    async def find(self, database: Database, token_hash: str) -> Access | None:
        """As `tokens.find_access`, from memory where that is fresh. Raises Unavailable, Conflict."""
        # Both are looked at before the row is read: what is committed while it is read makes it old.
        commits, now = database.commits, time.monotonic()
        if commits != self._commits or now - self._since > REMEMBER_FOR or len(self._known) > MOST:
            self._known, self._commits, self._since = {}, commits, now
        known = self._known
        if (access := known.get(token_hash)) is None:
            access = await database.read(lambda c: find_access(c, token_hash), snapshot=False)
            if access is not None:
                known[token_hash] = access
        return access
