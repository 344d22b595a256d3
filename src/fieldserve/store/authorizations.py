"""Authorizations: what a seller lets an application do for it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import msgspec

from fieldserve.store.engine import LOCK, Connection, Row
from fieldserve.wire.times import Instant


@dataclass(frozen=True, slots=True)
class Authorization:
    """What was granted. `stores` None means all stores; `usage_plan` is (rate, burst) by operation id."""

    authorization_id: str
    application_id: str
    seller_id: str
    marketplaces: frozenset[str]
    stores: frozenset[str] | None
    roles: frozenset[str]
    usage_plan: Mapping[str, tuple[float, int]]
    created_at: Instant
    revoked_at: Instant | None = None


_COLUMNS = (
    "authorization_id, application_id, seller_id, marketplaces, stores, roles, usage_plan, created_at, revoked_at"
)


def _authorization(row: Row) -> Authorization:
    decode = msgspec.json.decode
    return Authorization(
        row[0],
        row[1],
        row[2],
        frozenset(decode(row[3])),
        None if row[4] is None else frozenset(decode(row[4])),
        frozenset(decode(row[5])),
        decode(row[6], type=dict[str, tuple[float, int]]),
        row[7],
        row[8],
    )


async def add(c: Connection, one: Authorization) -> None:
    """Store a new authorization."""
    await c.execute(
        f"INSERT INTO authorizations ({_COLUMNS}) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)",
        one.authorization_id,
        one.application_id,
        one.seller_id,
        msgspec.json.encode(sorted(one.marketplaces)).decode(),
        None if one.stores is None else msgspec.json.encode(sorted(one.stores)).decode(),
        msgspec.json.encode(sorted(one.roles)).decode(),
        msgspec.json.encode(one.usage_plan).decode(),
        one.created_at,
        one.revoked_at,
    )


async def find(c: Connection, authorization_id: str, lock: bool = False) -> Authorization | None:
    """The authorization, or None."""
    row = await c.fetch_one(
        f"SELECT {_COLUMNS} FROM authorizations WHERE authorization_id = $1 {LOCK if lock else ''}",
        authorization_id,
    )
    return None if row is None else _authorization(row)


async def of_seller(c: Connection, seller_id: str) -> Sequence[Authorization]:
    """All that the seller ever granted, the oldest first."""
    rows = await c.fetch(
        f"SELECT {_COLUMNS} FROM authorizations WHERE seller_id = $1 ORDER BY created_at, authorization_id",
        seller_id,
    )
    return [_authorization(row) for row in rows]


async def revoke(c: Connection, authorization_id: str, at: Instant) -> None:
    """Refuse all of its tokens from then on."""
    await c.execute(
        "UPDATE authorizations SET revoked_at = $2 WHERE authorization_id = $1 AND revoked_at IS NULL",
        authorization_id,
        at,
    )
