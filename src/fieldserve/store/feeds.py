"""Calendars of technicians that others may read by a secret URL; of the secret only its SHA-256 is here."""

from dataclasses import dataclass, field

from fieldserve.store.engine import Connection
from fieldserve.wire.times import Instant


@dataclass(frozen=True, slots=True)
class Feed:
    """The calendar of one technician under one secret."""

    token_hash: str = field(repr=False)
    feed_id: str
    seller_id: str
    technician_id: str
    created_at: Instant
    revoked_at: Instant | None = None


_COLUMNS = "token_hash, feed_id, seller_id, technician_id, created_at, revoked_at"


async def add(c: Connection, feed: Feed) -> None:
    """Store a new feed."""
    await c.execute(
        f"INSERT INTO calendar_feeds ({_COLUMNS}) VALUES ($1, $2, $3, $4, $5, $6)",
        feed.token_hash,
        feed.feed_id,
        feed.seller_id,
        feed.technician_id,
        feed.created_at,
        feed.revoked_at,
    )


async def find(c: Connection, token_hash: str) -> Feed | None:
    """The feed of that secret, whether or not it is revoked."""
    row = await c.fetch_one(f"SELECT {_COLUMNS} FROM calendar_feeds WHERE token_hash = $1", token_hash)
    return None if row is None else Feed(*row)


async def of_seller(c: Connection, seller_id: str) -> list[Feed]:
    """All feeds of a seller, the oldest first; revoked ones, too."""
    rows = await c.fetch(
        f"SELECT {_COLUMNS} FROM calendar_feeds WHERE seller_id = $1 ORDER BY created_at, feed_id", seller_id
    )
    return [Feed(*row) for row in rows]


async def revoke(c: Connection, seller_id: str, feed_id: str, at: Instant) -> bool:
    """Refuse a feed from then on; False where the seller has none with that id. Revoked once stays as it was."""
    row = await c.fetch_one("SELECT 1 FROM calendar_feeds WHERE seller_id = $1 AND feed_id = $2", seller_id, feed_id)
    if row is None:
        return False
    await c.execute(
        "UPDATE calendar_feeds SET revoked_at = $3 WHERE seller_id = $1 AND feed_id = $2 AND revoked_at IS NULL",
        seller_id,
        feed_id,
        at,
    )
    return True
