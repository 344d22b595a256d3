"""The services that a seller offers, by ASIN."""

from collections.abc import Sequence
from typing import Any

import msgspec

from fieldserve.domain.intervals import MINUTE
from fieldserve.domain.services import Service
from fieldserve.domain.slots import ServiceRules
from fieldserve.store.engine import LOCK, Connection, Row
from fieldserve.wire.times import Instant

_SELECT = """
SELECT asin, title, duration_minutes, slot_interval_minutes, notice_minutes, buffer_before_minutes,
    buffer_after_minutes, service_location_type, skills, mirrored_from
FROM services WHERE seller_id = $1"""

_ADD = """
INSERT INTO services (seller_id, asin, title, duration_minutes, slot_interval_minutes, notice_minutes,
    buffer_before_minutes, buffer_after_minutes, service_location_type, skills, created_at)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)"""


_UPDATE = """
UPDATE services SET title = $3, duration_minutes = $4, slot_interval_minutes = $5, notice_minutes = $6,
    buffer_before_minutes = $7, buffer_after_minutes = $8, service_location_type = $9, skills = $10,
    mirrored_from = NULL
WHERE seller_id = $1 AND asin = $2"""


def _service(row: Row) -> Service:
    asin, title, duration, interval, notice, before, after, location_type, skills_text, mirrored_from = row
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
    return Service(asin, title, rules, skills, mirrored_from)


def _columns(seller_id: str, service: Service) -> tuple[Any, ...]:
    rules = service.rules
    durations = (rules.duration, rules.slot_interval, rules.notice, rules.buffer_before, rules.buffer_after)
    if any(duration % MINUTE for duration in durations):
        raise ValueError("a service's durations are whole minutes")
    return (
        seller_id,
        service.asin,
        service.title,
        *(duration // MINUTE for duration in durations),
        rules.location_type,
        msgspec.json.encode(service.skills).decode(),
    )


async def find(c: Connection, seller_id: str, asin: str, lock: bool = False) -> Service | None:
    """The seller's service with that ASIN; with `lock` nobody else changes it until the transaction ends."""
    row = await c.fetch_one(f"{_SELECT} AND asin = $2 {LOCK if lock else ''}", seller_id, asin)
    return None if row is None else _service(row)


async def page(c: Connection, seller_id: str, after: str, limit: int) -> Sequence[Service]:
    """Services of the seller by ASIN, those behind `after`."""
    rows = await c.fetch(f"{_SELECT} AND asin > $2 ORDER BY asin LIMIT $3", seller_id, after, limit)
    return [_service(row) for row in rows]


async def add(c: Connection, seller_id: str, service: Service, created_at: Instant) -> None:
    """Add a service, whose durations are whole minutes. Raises AlreadyExists where the seller has that ASIN."""
    await c.execute(_ADD, *_columns(seller_id, service), created_at)


async def update(c: Connection, seller_id: str, service: Service) -> None:
    """Store all of a service but its ASIN. The caller holds its lock."""
    await c.execute(_UPDATE, *_columns(seller_id, service))
