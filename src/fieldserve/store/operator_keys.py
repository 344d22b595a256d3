"""Operators' keys, as SHA-256."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from fieldserve.store.engine import Connection
from fieldserve.wire.times import Instant


@dataclass(frozen=True, slots=True)
class OperatorKey:
    """A key of the operator API, by the name that its actions are logged under."""

    key_hash: str = field(repr=False)
    name: str
    created_at: Instant
    revoked_at: Instant | None = None


_COLUMNS = "key_hash, name, created_at, revoked_at"


async def add(c: Connection, key: OperatorKey) -> None:
    """Store a new key."""
    await c.execute(
        f"INSERT INTO operator_keys ({_COLUMNS}) VALUES ($1, $2, $3, $4)",
        key.key_hash,
        key.name,
        key.created_at,
        key.revoked_at,
    )


async def find(c: Connection, key_hash: str) -> OperatorKey | None:
    """The key, or None."""
    row = await c.fetch_one(f"SELECT {_COLUMNS} FROM operator_keys WHERE key_hash = $1", key_hash)
    return None if row is None else OperatorKey(*row)


async def list_all(c: Connection) -> Sequence[OperatorKey]:
    """Every key, the oldest first; revoked ones, too."""
    rows = await c.fetch(f"SELECT {_COLUMNS} FROM operator_keys ORDER BY created_at, name, key_hash")
    return [OperatorKey(*row) for row in rows]


async def revoke(c: Connection, name: str, at: Instant) -> None:
    """Refuse every key of that name from then on."""
    await c.execute("UPDATE operator_keys SET revoked_at = $2 WHERE name = $1 AND revoked_at IS NULL", name, at)
