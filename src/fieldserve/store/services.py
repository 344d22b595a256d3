"""The services that a seller offers, by ASIN."""

import msgspec

from fieldserve.domain.intervals import MINUTE
from fieldserve.domain.services import Service
from fieldserve.domain.slots import ServiceRules
from fieldserve.store.engine import Connection
from fieldserve.wire.times import Instant

_FIND = """
SELECT title, duration_minutes, slot_interval_minutes, notice_minutes, buffer_before_minutes, buffer_after_minutes,
    service_location_type, skills
FROM services WHERE seller_id = $1 AND asin = $2"""

_ADD = """
INSERT INTO services (seller_id, asin, title, duration_minutes, slot_interval_minutes, notice_minutes,
    buffer_before_minutes, buffer_after_minutes, service_location_type, skills, created_at)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)"""


async def find(c: Connection, seller_id: str, asin: str) -> Service | None:
    """The seller's service with that ASIN."""
    row = await c.fetch_one(_FIND, seller_id, asin)
    if row is None:
        return None
    title, duration, interval, notice, before, after, location_type, skills_text = row
    skills = tuple(msgspec.json.decode(skills_text, type=list[str]))
    rules = ServiceRules(
        duration * MINUTE,
        interval * MINUTE,
        notice * MINUTE,
        before * MINUTE,
        after * MINUTE,
        frozenset(skills),
        location_type,
    )
    return Service(asin, title, rules, skills)


async def add(c: Connection, seller_id: str, service: Service, created_at: Instant) -> None:
    """Add a service, whose durations are whole minutes. Raises AlreadyExists where the seller has that ASIN."""
    rules = service.rules
    durations = (rules.duration, rules.slot_interval, rules.notice, rules.buffer_before, rules.buffer_after)
    if any(duration % MINUTE for duration in durations):
        raise ValueError("a service's durations are whole minutes")
    await c.execute(
        _ADD,
        seller_id,
        service.asin,
        service.title,
        *(duration // MINUTE for duration in durations),
        rules.location_type,
        msgspec.json.encode(service.skills).decode(),
        created_at,
    )
