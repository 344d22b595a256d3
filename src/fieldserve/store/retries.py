"""What was answered to writes that their callers may send again."""

from dataclasses import dataclass

from fieldserve.store.engine import Connection
from fieldserve.wire.times import Instant


@dataclass(frozen=True, slots=True)
class Remembered:
    """An answer, and the fingerprint of the request that got it. `answer` is sealed; None had no bytes."""

    fingerprint: str
    status: int
    answer: str | None


# Whoever claims a key that another transaction has just claimed waits until that one ends: there is then either its
# answer or, if it was rolled back, nothing.
_CLAIM = """
INSERT INTO idempotency_keys (scope, key, fingerprint, created_at) VALUES ($1, $2, $3, $4)
ON CONFLICT (scope, key) DO UPDATE SET fingerprint = excluded.fingerprint, created_at = excluded.created_at
    WHERE idempotency_keys.created_at < $5
RETURNING key"""


async def claim(c: Connection, scope: str, key: str, fingerprint: str, now: Instant, kept_since: Instant) -> bool:
    """Take the key for this transaction; False where it has an answer that is not older than `kept_since`."""
    return await c.fetch_one(_CLAIM, scope, key, fingerprint, now, kept_since) is not None


async def find(c: Connection, scope: str, key: str) -> Remembered | None:
    """What was answered under the key."""
    row = await c.fetch_one(
        "SELECT fingerprint, status, answer FROM idempotency_keys WHERE scope = $1 AND key = $2", scope, key
    )
    return None if row is None else Remembered(*row)


async def remember(c: Connection, scope: str, key: str, status: int, answer: str | None) -> None:
    """Put the answer to a key that this transaction has claimed."""
    await c.execute(
        "UPDATE idempotency_keys SET status = $3, answer = $4 WHERE scope = $1 AND key = $2",
        scope,
        key,
        status,
        answer,
    )


async def purge(c: Connection, before: Instant) -> None:
    """Forget the keys that were claimed before that."""
    await c.execute("DELETE FROM idempotency_keys WHERE created_at < $1", before)
