"""When visits were begun that have no end yet."""

from fieldserve.store.engine import Connection
from fieldserve.wire.times import Instant


async def find(c: Connection, seller_id: str, appointment_id: str) -> Instant | None:
    """When somebody began the visit; None where nobody said so."""
    sql = "SELECT started_at FROM beginnings WHERE seller_id = $1 AND appointment_id = $2"
    row = await c.fetch_one(sql, seller_id, appointment_id)
    return None if row is None else row[0]


async def put(c: Connection, seller_id: str, appointment_id: str, technician_id: str, started_at: Instant) -> None:
    """Note who began the visit and when, in place of what was noted before."""
    await c.execute(
        "INSERT INTO beginnings (seller_id, appointment_id, technician_id, started_at) VALUES ($1, $2, $3, $4)"
        " ON CONFLICT (seller_id, appointment_id) DO UPDATE SET technician_id = excluded.technician_id,"
        " started_at = excluded.started_at",
        seller_id,
        appointment_id,
        technician_id,
        started_at,
    )
