"""The buckets that processes share, one row for each seller, application and operation that was ever called."""

import json

from fieldserve.domain.usage_plans import Bucket, Held, SharedBucket
from fieldserve.store.engine import LOCK, Connection

_KEY = "seller_id = $1 AND application_id = $2 AND operation_id = $3"


async def find(c: Connection, seller_id: str, application_id: str, operation_id: str) -> SharedBucket | None:
    """The bucket, which nobody else changes until the transaction ends; None if there is none, which locks nothing."""
    row = await c.fetch_one(
        f"SELECT bucket FROM usage_buckets WHERE {_KEY} {LOCK}", seller_id, application_id, operation_id
    )
    if row is None:
        return None
    # Not msgspec: a level may have more digits than 64 bits hold.
    bucket, held = json.loads(row[0])
    return SharedBucket(Bucket(*bucket), {name: Held(*one) for name, one in held.items()})


async def add(c: Connection, seller_id: str, application_id: str, operation_id: str, shared: SharedBucket) -> None:
    """Store a bucket that there was none of. Raises AlreadyExists where another process was first."""
    await c.execute(
        "INSERT INTO usage_buckets (seller_id, application_id, operation_id, bucket) VALUES ($1, $2, $3, $4)",
        seller_id,
        application_id,
        operation_id,
        json.dumps(shared),
    )


async def save(c: Connection, seller_id: str, application_id: str, operation_id: str, shared: SharedBucket) -> None:
    """Store a bucket that was found."""
    await c.execute(
        f"UPDATE usage_buckets SET bucket = $4 WHERE {_KEY}",
        seller_id,
        application_id,
        operation_id,
        json.dumps(shared),
    )
