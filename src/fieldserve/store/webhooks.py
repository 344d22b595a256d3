"""Webhooks and their deliveries.

WAITING ──▶ DELIVERED │ DEAD │ DROPPED        DEAD ──redeliver──▶ WAITING
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import msgspec

from fieldserve.store.engine import LOCK, SKIP_LOCKED, Connection, Row
from fieldserve.wire.times import Instant
from fieldserve.wire.webhooks import DeliveryState, Payload


@dataclass(frozen=True, slots=True)
class Webhook:
    """Where messages go. `since` is the sequence of the last event before it; no `event_types` are all."""

    webhook_id: str
    seller_id: str
    application_id: str | None
    url: str
    description: str
    event_types: tuple[str, ...]
    payload: Payload
    sealed_secret: str = field(repr=False)
    sealed_previous: str | None = field(repr=False)
    previous_until: Instant | None
    since: int
    failing_since: Instant | None
    disabled_reason: str | None
    created_at: Instant


@dataclass(frozen=True, slots=True)
class Delivery:
    """A message for a webhook. `tries` counts those that were begun."""

    webhook_id: str
    message_id: str
    event_sequence: int | None
    type: str
    at: Instant
    service_job_id: str | None
    data: dict[str, Any]
    state: DeliveryState = "WAITING"
    tries: int = 0
    next_at: Instant = 0
    ended_at: Instant | None = None
    status: int | None = None
    said: str | None = None
    sequence: int = 0


_COLUMNS = (
    "webhook_id, seller_id, application_id, url, description, event_types, payload, sealed_secret, sealed_previous,"
    " previous_until, since, failing_since, disabled_reason, created_at"
)


def _webhook(row: Row) -> Webhook:
    values = list(row)
    values[5] = tuple(msgspec.json.decode(row[5]))
    return Webhook(*values)


async def add(c: Connection, one: Webhook) -> None:
    """Store a new webhook."""
    await c.execute(
        f"INSERT INTO webhooks ({_COLUMNS}) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14)",
        one.webhook_id,
        one.seller_id,
        one.application_id,
        one.url,
        one.description,
        msgspec.json.encode(one.event_types).decode(),
        one.payload,
        one.sealed_secret,
        one.sealed_previous,
        one.previous_until,
        one.since,
        one.failing_since,
        one.disabled_reason,
        one.created_at,
    )


async def update(c: Connection, one: Webhook) -> None:
    """Store what has changed of a webhook that was found under lock."""
    await c.execute(
        "UPDATE webhooks SET url = $2, description = $3, event_types = $4, payload = $5, sealed_secret = $6,"
        " sealed_previous = $7, previous_until = $8, since = $9, failing_since = $10, disabled_reason = $11"
        " WHERE webhook_id = $1",
        one.webhook_id,
        one.url,
        one.description,
        msgspec.json.encode(one.event_types).decode(),
        one.payload,
        one.sealed_secret,
        one.sealed_previous,
        one.previous_until,
        one.since,
        one.failing_since,
        one.disabled_reason,
    )


async def find(c: Connection, webhook_id: str, *, lock: bool = False) -> Webhook | None:
    """The webhook, or None."""
    row = await c.fetch_one(f"SELECT {_COLUMNS} FROM webhooks WHERE webhook_id = $1 {LOCK if lock else ''}", webhook_id)
    return None if row is None else _webhook(row)


async def of_seller(c: Connection, seller_id: str) -> Sequence[Webhook]:
    """The seller's webhooks, the oldest first."""
    rows = await c.fetch(
        f"SELECT {_COLUMNS} FROM webhooks WHERE seller_id = $1 ORDER BY created_at, webhook_id", seller_id
    )
    return [_webhook(row) for row in rows]


async def enabled(c: Connection) -> Sequence[Webhook]:
    """All webhooks to which something is sent."""
    rows = await c.fetch(f"SELECT {_COLUMNS} FROM webhooks WHERE disabled_reason IS NULL ORDER BY webhook_id")
    return [_webhook(row) for row in rows]


async def delete(c: Connection, webhook_id: str) -> None:
    """Forget the webhook and all of its deliveries."""
    await c.execute("DELETE FROM webhook_deliveries WHERE webhook_id = $1", webhook_id)
    await c.execute("DELETE FROM webhooks WHERE webhook_id = $1", webhook_id)


# ---- from the event log


async def last_event(c: Connection) -> int:
    """The sequence of the newest event that can be read."""
    row = await c.fetch_one("SELECT max(sequence) FROM events")
    return 0 if row is None or row[0] is None else int(row[0])


async def cursor(c: Connection, *, lock: bool = False) -> int:
    """Up to which event deliveries have been queued."""
    row = await c.fetch_one(f"SELECT sequence FROM webhook_cursor WHERE name = 'events' {LOCK if lock else ''}")
    return 0 if row is None else int(row[0])


async def move_cursor(c: Connection, sequence: int) -> None:
    """Deliveries are queued up to that event."""
    await c.execute("UPDATE webhook_cursor SET sequence = $1 WHERE name = 'events'", sequence)


# ---- deliveries

_DELIVERY = (
    "webhook_id, message_id, event_sequence, type, at, service_job_id, data, state, tries, next_at, ended_at, status,"
    " said, sequence"
)


def _delivery(row: Row) -> Delivery:
    values = list(row)
    values[6] = msgspec.json.decode(row[6])
    return Delivery(*values)


async def queue(c: Connection, deliveries: Sequence[Delivery]) -> None:
    """Have messages delivered. One of an event that the webhook has already is none."""
    await c.execute_many(
        "INSERT INTO webhook_deliveries (webhook_id, message_id, event_sequence, type, at, service_job_id, data, state,"
        " tries, next_at) VALUES ($1, $2, $3, $4, $5, $6, $7, 'WAITING', 0, $8)"
        " ON CONFLICT (webhook_id, event_sequence) DO NOTHING",
        [
            (
                one.webhook_id,
                one.message_id,
                one.event_sequence,
                one.type,
                one.at,
                one.service_job_id,
                msgspec.json.encode(one.data).decode(),
                one.next_at,
            )
            for one in deliveries
        ],
    )


async def due(c: Connection, now: Instant, limit: int) -> Sequence[str]:
    """Webhooks that something is to be sent to, whoever has waited longest first."""
    rows = await c.fetch(
        "SELECT webhook_id FROM webhook_deliveries WHERE state = 'WAITING' AND next_at <= $1"
        " GROUP BY webhook_id ORDER BY min(next_at), webhook_id LIMIT $2",
        now,
        limit,
    )
    return [row[0] for row in rows]


_CLAIM = f"""
WITH picked AS MATERIALIZED (
    SELECT sequence FROM webhook_deliveries
    WHERE webhook_id = $1 AND state = 'WAITING' AND next_at <= $2 ORDER BY sequence LIMIT $3 {SKIP_LOCKED}
)
UPDATE webhook_deliveries SET next_at = $4, tries = tries + 1 WHERE sequence IN (SELECT sequence FROM picked)
RETURNING {_DELIVERY}"""


async def claim(c: Connection, webhook_id: str, now: Instant, until: Instant, limit: int) -> list[Delivery]:
    """Take deliveries that are due, the oldest first: until then nobody else gets them."""
    rows = await c.fetch(_CLAIM, webhook_id, now, limit, until)
    return sorted((_delivery(row) for row in rows), key=lambda one: one.sequence)


async def settle(c: Connection, one: Delivery) -> bool:
    """Store what has become of a claimed delivery; False where it has been claimed again meanwhile, or has ended."""
    row = await c.fetch_one(
        "UPDATE webhook_deliveries SET state = $3, next_at = $4, ended_at = $5, status = $6, said = $7"
        " WHERE sequence = $1 AND tries = $2 AND state = 'WAITING' RETURNING sequence",
        one.sequence,
        one.tries,
        one.state,
        one.next_at,
        one.ended_at,
        one.status,
        one.said,
    )
    return row is not None


async def bury(c: Connection, webhook_id: str, at: Instant, said: str) -> None:
    """Make dead letters of all that waits for a webhook."""
    await c.execute(
        "UPDATE webhook_deliveries SET state = 'DEAD', ended_at = $2, said = COALESCE(said, $3)"
        " WHERE webhook_id = $1 AND state = 'WAITING'",
        webhook_id,
        at,
        said,
    )


async def page(
    c: Connection, webhook_id: str, *, state: DeliveryState | None = None, before: int | None = None, limit: int
) -> Sequence[Delivery]:
    """The newest deliveries of a webhook, of those with a sequence below `before`."""
    where, values = ["webhook_id = $1"], [webhook_id]
    for condition, value in (("state = ", state), ("sequence < ", before)):
        if value is not None:
            values.append(value)  # type: ignore[arg-type]
            where.append(f"{condition}${len(values)}")
    rows = await c.fetch(
        f"SELECT {_DELIVERY} FROM webhook_deliveries WHERE {' AND '.join(where)}"
        f" ORDER BY sequence DESC LIMIT ${len(values) + 1}",
        *values,
        limit,
    )
    return [_delivery(row) for row in rows]


async def find_delivery(c: Connection, webhook_id: str, sequence: int) -> Delivery | None:
    """A delivery of the webhook, under lock."""
    row = await c.fetch_one(
        f"SELECT {_DELIVERY} FROM webhook_deliveries WHERE webhook_id = $1 AND sequence = $2 {LOCK}",
        webhook_id,
        sequence,
    )
    return None if row is None else _delivery(row)


async def revive(c: Connection, webhook_id: str, sequence: int | None = None) -> int:
    """Have dead letters, or one delivery whatever became of it, delivered anew; answers how many."""
    which, values = (
        ("sequence = $2", (webhook_id, sequence)) if sequence is not None else ("state = 'DEAD'", (webhook_id,))
    )
    rows = await c.fetch(
        "UPDATE webhook_deliveries SET state = 'WAITING', tries = 0, next_at = 0, ended_at = NULL"
        f" WHERE webhook_id = $1 AND {which} RETURNING sequence",
        *values,
    )
    return len(rows)


async def purge(c: Connection, ended_before: Instant, dead_before: Instant) -> None:
    """Forget what ended before that; dead letters have a time of their own."""
    await c.execute(
        "DELETE FROM webhook_deliveries WHERE (state IN ('DELIVERED', 'DROPPED') AND ended_at < $1)"
        " OR (state = 'DEAD' AND ended_at < $2)",
        ended_before,
        dead_before,
    )
