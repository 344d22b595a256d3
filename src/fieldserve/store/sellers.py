"""Sellers: whose everything else is."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from typing import Any

import msgspec

from fieldserve.store.engine import LOCK, Connection, Row
from fieldserve.wire.times import Instant


@dataclass(frozen=True, slots=True)
class Seller:
    """A seller, and the marketplaces it takes part in."""

    seller_id: str
    name: str
    marketplaces: frozenset[str]
    created_at: Instant
    settings: dict[str, Any] = field(default_factory=dict)


_COLUMNS = "seller_id, name, marketplaces, created_at, settings"


def _seller(row: Row) -> Seller:
    return Seller(row[0], row[1], frozenset(msgspec.json.decode(row[2])), row[3], msgspec.json.decode(row[4]))


async def find(c: Connection, seller_id: str, lock: bool = False) -> Seller | None:
    """The seller, or None; with `lock` nobody else changes it until the transaction ends."""
    row = await c.fetch_one(
        f"SELECT {_COLUMNS} FROM sellers WHERE seller_id = $1 {LOCK if lock else ''}",
        seller_id,
    )
    return None if row is None else _seller(row)


async def add(c: Connection, seller: Seller) -> None:
    """Store a new seller. Raises AlreadyExists at the end of the statement."""
    await c.execute(
        f"INSERT INTO sellers ({_COLUMNS}) VALUES ($1, $2, $3, $4, $5)",
        seller.seller_id,
        seller.name,
        _list(seller.marketplaces),
        seller.created_at,
        msgspec.json.encode(seller.settings).decode(),
    )


async def list_all(c: Connection) -> Sequence[Seller]:
    """Every seller, by id."""
    rows = await c.fetch(f"SELECT {_COLUMNS} FROM sellers ORDER BY seller_id")
    return [_seller(row) for row in rows]


async def page(c: Connection, after: str, limit: int) -> Sequence[Seller]:
    """Sellers by id, those behind `after`."""
    rows = await c.fetch(
        f"SELECT {_COLUMNS} FROM sellers WHERE seller_id > $1 ORDER BY seller_id LIMIT $2", after, limit
    )
    return [_seller(row) for row in rows]


async def ids_with(c: Connection, store_id: str | None, plan_id: str | None) -> Sequence[str]:
    """Ids of the sellers that have the store or the plan; of all where neither is named."""
    sql, values = "SELECT seller_id FROM sellers ORDER BY seller_id", []
    if store_id is not None:
        sql, values = "SELECT seller_id FROM stores WHERE store_id = $1 ORDER BY seller_id", [store_id]
    elif plan_id is not None:
        sql, values = "SELECT seller_id FROM plans WHERE plan_id = $1 ORDER BY seller_id", [plan_id]
    return [row[0] for row in await c.fetch(sql, *values)]


async def update(c: Connection, seller: Seller) -> None:
    """Store another name, marketplaces and settings. The caller holds the seller's lock."""
    await c.execute(
        "UPDATE sellers SET name = $2, marketplaces = $3, settings = $4 WHERE seller_id = $1",
        seller.seller_id,
        seller.name,
        _list(seller.marketplaces),
        msgspec.json.encode(seller.settings).decode(),
    )


def _list(values: Collection[str]) -> str:
    return msgspec.json.encode(sorted(values)).decode()
