"""Pins on appointments."""

from fieldserve.store.engine import Connection
from fieldserve.wire.times import Instant


async def put(c: Connection, seller_id: str, appointment_id: str, now: Instant) -> None:
    """Pin an appointment; one that is pinned stays so."""
    await c.execute(
        "INSERT INTO pins (seller_id, appointment_id, pinned_at) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING",
        seller_id,
        appointment_id,
        now,
    )


async def remove(c: Connection, seller_id: str, appointment_id: str) -> None:
    """Take the pin off."""
    await c.execute("DELETE FROM pins WHERE seller_id = $1 AND appointment_id = $2", seller_id, appointment_id)


async def is_pinned(c: Connection, seller_id: str, appointment_id: str) -> bool:
    """Whether the appointment is pinned."""
    sql = "SELECT 1 FROM pins WHERE seller_id = $1 AND appointment_id = $2"
    return await c.fetch_one(sql, seller_id, appointment_id) is not None
